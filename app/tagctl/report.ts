// tagctl/report.ts - a result for people: what was measured, how long, how complete, and the number one looks for.
//
// Loss is always on the page, green or not: a missing line would read as "none".
import { specOf } from '../core/arguments.ts';
import { measurements, type MeasurementName } from '../core/measurements.ts';
import type { CheckedConfig, Parameter } from '../core/spec.ts';
import type { ResultInfo } from '../core/results.ts';
import type { WorstGrade } from '../core/tags.ts';
import type { VirtualDefinition } from '../core/virtual.ts';
import { formatPs, formatSi } from '../core/units.ts';
import { bar } from './canvas.ts';
import type { NumberArray } from '../format/table.ts';
import { dimensionsOf, row, rowsOf, type Outcome, type Value } from './outcome.ts';
import { plotMap } from './map.ts';
import { plot } from './plot.ts';
import { plotPoints } from './plot-points.ts';
import { paint, printable, table, type Style, type Terminal } from './terminal.ts';

/** The lines of the summary. */
export function report(outcome: Outcome, terminal: Terminal): string[] {
  const { info } = outcome;
  const facts = [...outcomeFacts(outcome), ...accountFacts(info), ...outcome.remarks.map((remark): Fact => ({ label: 'note', text: printable(remark), style: 'yellow' }))];
  const width = Math.max(...facts.map(({ label }) => label.length));
  const lines = [
    `${paint(measurements[outcome.name].className, 'bold', terminal)}  ${subject(outcome)} | ${printable(outcome.source)}`,
    ...facts.map(({ label, text, style }) => `  ${paint(label.padEnd(width), 'dim', terminal)}  ${style ? paint(text, style, terminal) : text}`),
  ];
  if (outcome.name === 'countrate') lines.push('', ...rateTable(outcome, terminal));
  else if (specOf(outcome.name).plot.kind === 'none') lines.push(...listTables(outcome));
  return lines.map(line => terminal.unicode ? line : line.replaceAll('±', '+-'));
}

interface Fact { label: string; text: string; style?: Style }

/** What, of which channels, in which bins; other arguments where they are not their default. */
function subject({ name, info }: Outcome): string {
  const { config } = info;
  if (name === 'correlation') return [`t(${config['channel1']}) - t(${config['channel2'] ?? config['channel1']})`, binsOf(config)].join(' | ');
  const words: string[] = [];
  for (const [key, parameter] of Object.entries(specOf(name).parameters)) {
    const value = config[key];
    if (value === undefined || ['bins', 'values', 'binwidthPs'].includes(key)) continue;
    if (key === 'channels') words.push(channelList(value));
    else if (!('default' in parameter) || JSON.stringify(parameter.default) !== JSON.stringify(value)) words.push(`${label(key)} ${inWords(parameter, value)}`);
  }
  return [words.join(', '), binsOf(config)].filter(part => part !== '').join(' | ');
}

function binsOf(config: CheckedConfig): string {
  return typeof config['binwidthPs'] === 'number' ? `${config['bins'] ?? config['values'] ?? ''} bins of ${formatPs(config['binwidthPs'])}`.trim() : '';
}

function inWords({ kind }: Parameter, value: CheckedConfig[string]): string {
  const list = [value].flat() as (number | readonly number[])[];
  if (kind === 'duration' || kind === 'durations') return list.map(ps => formatPs(ps as number)).join(', ');
  if (kind === 'groups') return list.map(group => (group as readonly number[]).join('+')).join(', ');
  return list.join(', ');
}

/** `histogramIndex` -> `histogram index`; units that end a name are told by the value. */
function label(key: string): string { return key.replace(/(?<=[a-z\d])(Ps|S|V|Hz)$/, '').replaceAll(/[A-Z]/g, letter => ` ${letter.toLowerCase()}`); }

function channelList(channels: unknown): string {
  return Array.isArray(channels) ? `channel${channels.length > 1 ? 's' : ''} ${channels.join(', ')}` : '';
}

function outcomeFacts(outcome: Outcome): Fact[] {
  const { name, values } = outcome;
  if (name === 'countrate') return [];
  if (name === 'counter') return counterFacts(outcome);
  const facts: Fact[] = [];
  if (specOf(name).plot.y === 'pairs' && typeof values['counts'] === 'object') facts.push(...pairFacts(values['counts'], values['indexPs']));
  if (name === 'startStop') facts.push({ label: 'entries', text: whole((values['counts'] as NumberArray).length) });
  for (const [key, value] of Object.entries(values)) {
    if (key === 'ready') continue;
    if (typeof value === 'object') {
      // What fits into a line is read sooner than it is plotted.
      if (specOf(name).plot.kind === 'points' && key !== specOf(name).plot.index && value.length <= 8) {
        facts.push({ label: label(key), text: Array.from(value as ArrayLike<number | bigint>, item => scalarText(name, key, Number(item))).join(', ') });
      }
      continue;
    }
    if (isErrorOf(values, key)) continue;
    const error = values[errorKey(key)];
    if (typeof value === 'number' && typeof error === 'number') facts.push({ label: label(key), text: withErrorIn(unitOf(name, key), value, error) });
    else facts.push({ label: label(key), text: typeof value === 'boolean' ? (value ? 'yes' : 'no') : scalarText(name, key, value) });
  }
  if (name === 'correlation') facts.push(...g2Fact(outcome));
  return facts;
}

function pairFacts(counts: NumberArray, index: Value | undefined): Fact[] {
  let total = 0;
  let at = -1;
  for (let k = 0; k < counts.length; k++) {
    const value = Number(counts[k]);
    total += value;
    if (value > 0 && (at < 0 || value > Number(counts[at]))) at = k;
  }
  const facts: Fact[] = [{ label: 'pairs', text: whole(total) }];
  if (at >= 0 && typeof index === 'object') facts.push({ label: 'peak', text: `${whole(Number(counts[at]))} pairs in the bin at ${formatPs(Number(index[at % index.length]))}` });
  return facts;
}

function scalarText(name: MeasurementName, key: string, value: number): string {
  if (key === 'histogramIndex') return value === -1 ? 'waiting for next' : value === -2 ? 'waiting for sync' : String(value);
  const unit = unitOf(name, key);
  if (unit === 'ps') return formatPs(value);
  if (unit === 'Hz' || unit === 's') return formatSi(value, unit, 6);
  return Number.isInteger(value) ? whole(value) : String(Number(value.toPrecision(6)));
}

function unitOf(name: MeasurementName, key: string): string {
  const { getters, outputs } = specOf(name);
  return getters[outputs[key] ?? '']?.unit ?? '';
}

/** `period` has `periodError` beside it, `netHz` has `netErrorHz`. */
function errorKey(key: string): string { return key.replace(/(Ps|Hz)?$/, 'Error$1'); }

function isErrorOf(values: Outcome['values'], key: string): boolean {
  return /Error(Ps|Hz)?$/.test(key) && values[key.replace(/Error(?=(Ps|Hz)?$)/, '')] !== undefined;
}

function withErrorIn(unit: string, value: number, error: number): string {
  if (Number.isNaN(value)) return 'not known';
  return error > 0 ? `${withError(value, error)} ${unit}`.trim() : `${Number(value.toPrecision(9))} ${unit}`.trim();
}

/** A list of a million tags belongs into a file. */
const mostRows = 100;

/** Where a table says more than a plot: one for each length of list, its columns beside each other. */
function listTables({ name, values }: Outcome): string[] {
  const tables = Map.groupBy(Object.keys(values).filter(key => typeof values[key] === 'object' && !isErrorOf(values, key)), key => dimensionsOf(name, key).join());
  return [...tables.values()].flatMap(keys => {
    const { length } = values[keys[0]!] as NumberArray, more = Math.max(0, length - mostRows);
    const rows = Array.from({ length: length - more }, (_, i) => keys.map(key => {
      const value = Number((values[key] as NumberArray)[i]), errors = values[errorKey(key)], unit = unitOf(name, key);
      if (Number.isNaN(value)) return '-';
      return typeof errors === 'object' ? withErrorIn(unit, value, Number(errors[i])) : Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(6)));
    }));
    return ['', ...table([keys.map(label), ...rows].map(cells => ['', ...cells]), [false, ...keys.map(() => true)]), ...more > 0 ? [`  and ${whole(more)} more`] : []];
  });
}

/** The bin that holds delay 0 is the one whose left edge is 0. */
function g2Fact({ values, info }: Outcome): Fact[] {
  const g2 = values['g2'];
  if (!(g2 instanceof Float64Array) || g2.length === 0) return [];
  const zero = Math.floor(g2.length / 2);
  const value = g2[zero]!;
  const error = (values['g2Error'] as Float64Array)[zero]!;
  const bin = `in the bin 0..${formatPs(info.config['binwidthPs'] as number)}`;
  const text = Number.isNaN(value) ? 'not defined here: below the dead time, or no rate' : value === 0 ? `0, no pair ${bin}` : `${withError(value, error)} ${bin}`;
  return [{ label: 'g2(0)', text }];
}

function counterFacts(outcome: Outcome): Fact[] {
  const channels = outcome.info.config['channels'] as readonly number[];
  return channels.map((channel, i) => {
    const rates = row(outcome.values['rateHz'] as Float64Array, channels.length, i).filter(rate => !Number.isNaN(rate));
    const mean = rates.reduce((sum, rate) => sum + rate, 0) / rates.length;
    const total = (outcome.values['countsTotal'] as Float64Array)[i];
    return { label: `channel ${channel}`, text: rates.length === 0 ? `no complete bin, ${whole(Number(total))} tags` : `${formatSi(mean, 'cps')} mean of ${rates.length} complete bins, ${whole(Number(total))} tags` };
  });
}

/** Live time, tags, loss, and every warning that the account holds. */
function accountFacts(info: ResultInfo): Fact[] {
  const facts: Fact[] = [];
  const bound = info.lossGrade === 'flagged' || info.lossGrade === 'suspect' ? ', an upper bound' : '';
  const captured = info.captureDurationPs > info.liveTimePs ? ` of ${precise(info.captureDurationPs)}` : '';
  facts.push({ label: 'live time', text: `${precise(info.liveTimePs)}${captured}${bound}` }, { label: 'tags', text: whole(info.tags) }, lossFact(info));
  if (info.aliased) {
    const good = info.nearestGoodPs.map(formatPs).join(' or ');
    facts.push({
      label: 'aliased', style: 'yellow',
      text: `the binwidth is no multiple of the tick (${formatPs(Number((info.tickPs.num / info.tickPs.den).toPrecision(8)))}), bins are uneven${good === '' ? '' : `; use ${good}`}`,
    });
  }
  const delayed = info.delays.filter(({ hardwarePs, stationPs, privatePs }) => hardwarePs !== 0 || stationPs !== 0 || privatePs !== 0);
  if (delayed.length > 0) {
    facts.push({ label: 'delays', text: delayed.map(delay => `channel ${delay.channel}: ${formatPs(delay.hardwarePs + delay.stationPs + delay.privatePs)}`).join(', ') });
  }
  for (const [number, { kind, ...config }] of Object.entries(info.virtual?.channels ?? {}) as [string, VirtualDefinition][]) {
    facts.push({ label: `virtual ${number}`, text: printable(`${kind} ${Object.entries(config).map(([key, value]) => `${key} ${[value].flat().join(',')}`).join(', ')}`) });
  }
  if (info.epochs > 1) facts.push({ label: 'restarts', style: 'yellow', text: `the device restarted its clock ${info.epochs - 1} times; no delay crosses one` });
  if (info.disorder > 0) facts.push({ label: 'disorder', style: 'yellow', text: `${whole(info.disorder)} tags came out of order` });
  if (info.droppedStarts > 0) facts.push({ label: 'dropped', style: 'yellow', text: `${whole(info.droppedStarts)} starts were forgotten: the window is longer than the memory for it` });
  if (info.shedIntervals !== undefined) {
    const cost = info.costNsPerTag === undefined ? '' : ` (it takes ${info.costNsPerTag.toPrecision(2)} ns for each tag of the stream)`;
    facts.push({ label: 'too slow', style: 'yellow', text: `${whole(info.shedIntervals)} of its lost intervals are its own: it is too slow for this rate${cost}; use fewer bins or a shorter window` });
  }
  if (info.stoppedBy === 'settings') facts.push({ label: 'stopped', style: 'yellow', text: 'a setting of one of its channels was changed' });
  if (info.part !== undefined && info.part > 0) facts.push({ label: 'part', style: 'yellow', text: `only since the last change of settings; ${info.part} before it` });
  if (info.mixed) facts.push({ label: 'mixed', style: 'yellow', text: 'a setting of one of its channels changed while it ran' });
  return facts;
}

const gradeStyle: Record<WorstGrade, Style> = { none: 'green', counted: 'yellow', flagged: 'red', suspect: 'red' };

function lossFact(info: ResultInfo): Fact {
  const style = gradeStyle[info.lossGrade];
  if (info.lossGrade === 'none') return { label: 'loss', text: 'none', style };
  const known = info.missedTags.filter(count => count !== null);
  const missed = known.length === info.missedTags.length ? `${whole(known.reduce((sum, count) => sum + count, 0))} tags` : 'an unknown number of tags';
  const where = info.lostIntervals === 1 ? '1 interval' : `${whole(info.lostIntervals)} intervals`;
  return { label: 'loss', text: `${info.lossGrade}: ${missed} missed in ${where}`, style };
}

function rateTable(outcome: Outcome, terminal: Terminal): string[] {
  const { values } = outcome;
  const rates = values['rateHz'] as Float64Array;
  const largest = Math.max(0, ...rates.filter(rate => !Number.isNaN(rate)));
  const channels = [...(values['channels'] as Float64Array)];
  const rows = channels.map((channel, i) => [
    `  ${channel}`, printable(outcome.channelNames.get(channel) ?? ''), ...Number.isNaN(rates[i]) ? ['unknown', ''] : [formatSi(rates[i]!, 'cps'), `± ${formatSi((values['uncertaintyHz'] as Float64Array)[i]!, 'cps', 2)}`],
    `${whole(Number((values['counts'] as Float64Array)[i]))} tags`, paint(bar(rates[i]! / largest, 20, terminal.unicode), 'cyan', terminal),
  ]);
  return table(rows, [true, false, true, false, true, false]);
}

/** What `--plot` adds: one plot, or one per channel. */
export function plots(outcome: Outcome, terminal: Terminal, log: boolean): string[] {
  const { name, values, info } = outcome;
  const { plot: shown, outputs, normalized = {}, className } = specOf(name);
  if (shown.kind === 'none') return [];
  const index = values[shown.index ?? 'indexPs'] as Float64Array;
  const width = (info.config['binwidthPs'] as number | undefined) ?? 0;
  const isG2 = outcome.normalized && 'g2' in normalized;
  const key = isG2 ? 'g2' : Object.keys(outputs).find(output => outputs[output] === shown.getter) ?? 'counts';
  const value = values[key];
  if (typeof value !== 'object') return [];
  const dimensions = dimensionsOf(name, key), rows = rowsOf(outcome, key);
  const draw = (y: NumberArray, what: string, height?: number): string[] => ['', ...plot({ x: index, y, width, sparse: shown.sparse ?? false, unequal: shown.kind === 'edges' }, {
    title: `${className}  ${what}`, xLabel: name === 'correlation' ? `t(ch${info.config['channel1']}) - t(ch${info.config['channel2'] ?? info.config['channel1']}) (ps)` : shown.x,
    yLabel: isG2 ? 'g2' : shown.y, terminal, log: log || (shown.logY ?? false), logX: shown.logX ?? false, ...(height === undefined ? {} : { rows: height }),
  })];
  if (shown.kind === 'map') {
    const y = values[shown.indexY ?? ''] as Float64Array, { getters } = specOf(name);
    return ['', ...plotMap({ x: index, y, values: value }, {
      title: `${className}  ${subject(outcome)}`, xLabel: shown.x, yLabel: shown.y, valueLabel: getters[shown.getter]?.unit ?? '', terminal, log: log || (shown.logY ?? false),
    })];
  }
  const drawPoints = (y: NumberArray, what: string, height?: number): string[] => ['', ...plotPoints(index, y, {
    title: `${className}  ${what}`, xLabel: shown.x, yLabel: shown.y, terminal, logX: shown.logX ?? false, logY: log || (shown.logY ?? false), ...(height === undefined ? {} : { rows: height }),
  })];
  const drawn = shown.kind === 'points' ? drawPoints : draw;
  const kind = specOf(name).parameters[dimensions[0] ?? '']?.kind;
  if (kind === 'channels' && dimensions.length === 2) {
    const channels = info.config[dimensions[0]!] as readonly number[];
    return channels.flatMap((channel, i) => drawn(row(value, rows, i), `channel ${channel}`, Math.max(6, Math.floor(16 / rows))));
  }
  return drawn(row(value, rows, 0), rows > 1 ? `${(dimensions[0] ?? '').replace(/s$/, '')} 0 of ${rows}` : subject(outcome));
}

/** Six digits: the difference between live time and duration is often small and matters. */
function precise(ps: number): string { return ps < 3600e12 ? formatSi(ps * 1e-12, 's', 6) : formatPs(ps); }

export function whole(value: number): string { return value.toLocaleString('en-US', { maximumFractionDigits: 0 }); }

/** `0.473 ± 0.012`: as many digits as the error has meaning for. */
export function withError(value: number, error: number): string {
  if (!(error > 0)) return `${Number(value.toPrecision(4))} ± ${error === 0 ? 0 : '?'}`;
  const digits = Math.max(0, Math.min(12, 1 - Math.floor(Math.log10(error))));
  return `${value.toFixed(digits)} ± ${error.toFixed(digits)}`;
}
