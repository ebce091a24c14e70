// ops/docs.ts - writes docs/measurements.md from the tables of measurements and virtual channels: node ops/docs.ts, after one has changed.
//
// Everything in it comes from there; a test fails when the file is not what the table gives.
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { limits } from '../app/core/limits.ts';
import { measurementNames, measurements, type Getter, type MeasurementName, type MeasurementSpec, type Parameter } from '../app/core/measurements.ts';
import type { Parameters } from '../app/core/spec.ts';
import { formatPs } from '../app/core/units.ts';
import { virtualKindNames, virtualSpecOf, type VirtualKind } from '../app/core/virtual.ts';
import { configOfExample, kebab } from '../app/tagctl/measure-options.ts';

export function measurementsPage(): string {
  return [
    '# Measurements and virtual channels', '',
    'Made by `node ops/docs.ts` from the tables `app/core/measurements.ts` and `app/core/virtual.ts`; change those, not this page. Who comes from the', 'Time Tagger library finds its names in [time-tagger-api.md](time-tagger-api.md).', '',
    'Arguments have their unit at the end of their name. `tagctl` takes each as an option, in kebab case without the unit and with the unit in the value:',
    '`binwidthPs: 16` is `--binwidth 16ps`. Every argument outside its range is refused with its range. A measurement has at most',
    `${limits.binsPerMeasurement} bins. Bins are half-open. Counts arrive in the client as Float64Array, absolute times as BigInt64Array.`, '',
    ...measurementNames.map(name => `- [${measurements[name].className}](#${measurements[name].className.toLowerCase()}): ${measurements[name].summary}`),
    '- [Virtual channels](#virtual-channels), made of others for one client.', '',
    '## What happens at a lost interval and at an epoch', '',
    'Whatever the class, the result carries the worst grade of loss, its lost intervals and its live time; missed tags never enter a rate, a histogram or g2; no difference',
    'is formed across a lost interval, an epoch (the device began its time anew) or a step back in time. Where nothing else is said, an epoch does what a lost interval does.', '',
    ...table(['class', 'at a lost interval or an epoch'], measurementNames.map(name => [measurements[name].className, measurements[name].loss])), '',
    ...table(['virtual channel', 'at a lost interval or an epoch'], virtualKindNames.map(kind => [virtualSpecOf(kind).className, virtualSpecOf(kind).anew])), '',
    ...measurementNames.flatMap(section),
    '## Virtual channels', '',
    'Channels above 1000, made of others, and of each other in up to 8 layers. They belong to a view, `tagger.view({ virtual: { 1001: { kind, ... } } })`, or to one measurement, the option `virtual`;',
    'nobody else sees them. A stretch of stream time is shorter by the lead-in and the hold-back of a view (`info.virtual`), which grow with windows and delays: what is made there would be made of tags that nobody saw.', '',
    ...virtualKindNames.flatMap(virtualSection),
  ].join('\n');
}

function section(name: MeasurementName): string[] {
  const spec: MeasurementSpec = measurements[name];
  const getters = Object.entries(spec.getters).map(([key, getter]) => [`\`${key}(${argumentsOf(getter)})\``, typeOf(getter), getter.unit ?? '', getter.help]);
  return [
    `## ${spec.className}`, '', spec.summary, '',
    ...argumentTable(spec.parameters), '',
    ...table(['getter', 'gives', 'unit', 'meaning'], getters), '',
    `${spec.loss}`, '',
    '```ts', `await using measurement = await tagger.measure('${name}', ${written(exampleOf(name))});`, `const { value, info } = await measurement.read('${spec.plot.getter}');`, '```', '',
    '```sh', `tagctl measure ${kebab(name)} ${spec.example}`, `tagctl analyze recording.ptu ${kebab(name)} ${spec.example}`, '```', '',
    `\`tagctl\` gives ${Object.keys({ ...spec.outputs, ...spec.normalized }).map(key => `\`${key}\``).join(', ')}.`, '',
  ];
}

function virtualSection(kind: VirtualKind): string[] {
  const { className, summary, parameters, takes, anew, example } = virtualSpecOf(kind);
  return [
    `### ${className}`, '', summary, '', ...argumentTable(parameters), '', `Numbers that it takes: ${takes ?? 'one'}. After a lost interval: ${anew.charAt(0).toLowerCase()}${anew.slice(1)}`, '',
    '```sh', `tagctl measure countrate --channels 1001 --virtual '1001=${example}'`, '```', '',
  ];
}

function argumentTable(parameters: Parameters): string[] {
  return table(['argument', 'kind', 'range', 'default', 'meaning'], Object.entries(parameters).map(([key, parameter]) => [
    `\`${key}\``, kindOf(parameter), rangeOf(parameter), defaultOf(parameter), parameter.help]));
}

function kindOf(parameter: Parameter): string {
  if (parameter.kind === 'duration' || parameter.kind === 'durations') return `${parameter.kind} (ps)`;
  return parameter.kind === 'number' && parameter.unit !== '' ? `number (${parameter.unit})` : parameter.kind;
}

function rangeOf(parameter: Parameter): string {
  const show = (value: number): string => (
    parameter.kind.startsWith('duration') ? formatPs(value) : Math.abs(value) === Number.MAX_VALUE ? 'any' : String(value));
  switch (parameter.kind) {
    case 'channel': return 'a channel';
    case 'channels':
      return `${parameter.min} to ${parameter.max}${parameter.repeats ? '' : ', all different'}${parameter.unused ? '; 0 = none' : ''}`;
    case 'groups': return `${parameter.min} to ${parameter.max} groups of ${parameter.least} to ${parameter.most} channels`;
    case 'durations': case 'integers': case 'numbers':
      return `${parameter.least} to ${parameter.most} values${show(parameter.max) === 'any' ? '' : `, each ${show(parameter.min)} to ${show(parameter.max)}`}`;
    case 'boolean': return 'true, false';
    case 'name': return 'letters, digits and . _ -';
    case 'choice': return parameter.choices.join(', ');
    default: return show(parameter.max) === 'any' ? 'any' : `${show(parameter.min)} to ${show(parameter.max)}`;
  }
}

function defaultOf(parameter: Parameter): string {
  if ('optional' in parameter && parameter.optional) return 'may be left out';
  if (!('default' in parameter) || parameter.default === undefined) return 'must be given';
  if (Array.isArray(parameter.default)) return `[${parameter.default.join(', ')}]`;
  return parameter.kind === 'duration' ? formatPs(Number(parameter.default)) : String(parameter.default);
}

function argumentsOf({ args = {} }: Getter): string {
  const names = Object.entries(args).map(([key, parameter]) => `${key}: ${defaultOf(parameter)}`);
  return names.length === 0 ? '' : `{ ${names.join(', ')} }`;
}

function typeOf(getter: Getter): string { return `${getter.type === 'object' ? getter.of : getter.type} ${getter.shape ?? ''}`.trim(); }

/** What a client writes for the example in tagctl's help; what is not given is left out. */
export function exampleOf(name: MeasurementName): Record<string, unknown> {
  return Object.fromEntries(Object.entries(configOfExample(name)).filter(([, value]) => value !== undefined));
}

function written(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(written).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return typeof value === 'string' ? `'${value}'` : String(value);
  return `{ ${Object.entries(value).map(([key, item]) => `${key}: ${written(item)}`).join(', ')} }`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]): string => `| ${cells.map(cell => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), `|${head.map(() => '---').join('|')}|`, ...rows.map(line)];
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const folder = new URL('../docs/', import.meta.url);
  mkdirSync(folder, { recursive: true });
  writeFileSync(new URL('measurements.md', folder), measurementsPage());
}
