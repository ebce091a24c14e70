// test/dsp/virtual/oracle.ts - virtual channels by their definitions, in BigInt, looking at every tag of a whole stretch.
import type { CheckedVirtual } from '../../../app/core/virtual.ts';
import type { Random } from '../../support/random.ts';

export interface Tag { timePs: bigint; channel: number }
export interface Stretch { tags: Tag[]; fromPs: bigint; toPs: bigint }

/** Lead-in and hold-back of a kind, as the documentation states them. */
function reachOf({ kind, config }: CheckedVirtual): { leadIn: bigint; holdBack: bigint } {
  const ps = (key: string): bigint => BigInt(config[key] as number);
  const none = { leadIn: 0n, holdBack: 0n };
  switch (kind) {
    case 'coincidence': case 'coincidences':
      return { leadIn: config['timestamp'] === 'first' ? 0n : ps('windowPs'), holdBack: config['timestamp'] === 'last' ? 0n : ps('windowPs') };
    case 'combinations': return { leadIn: 2n * ps('windowPs'), holdBack: ps('windowPs') };
    case 'delayed': return ps('delayPs') > 0n ? { leadIn: ps('delayPs'), holdBack: 0n } : { leadIn: 0n, holdBack: -ps('delayPs') };
    case 'constantFractionDiscriminator': return { leadIn: ps('searchWindowPs') / 2n, holdBack: (ps('searchWindowPs') + 1n) / 2n };
    case 'eventGenerator': return { leadIn: BigInt((config['patternPs'] as number[]).at(-1)!), holdBack: 0n };
    case 'combiner': case 'gated': case 'frequencyMultiplier': case 'triggerOnCountrate': return none;
  }
}

const floorDiv = (a: bigint, b: bigint): bigint => (a % b !== 0n && a < 0n ? a / b - 1n : a / b);
const least = (times: readonly bigint[]): bigint => times.reduce((a, b) => (a < b ? a : b));

function stampOf(timestamp: string, times: readonly bigint[]): bigint {
  switch (timestamp) {
    case 'first': return least(times);
    case 'listed-first': return times[0]!;
    case 'average': return floorDiv(times.reduce((a, b) => a + b, 0n), BigInt(times.length));
    default: return -least(times.map(time => -time));
  }
}

function consumed(tags: readonly Tag[], channels: readonly number[], windowPs: bigint, timestamp: string, number: number): Tag[] {
  let kept = new Map<number, bigint>();
  const made: Tag[] = [];
  for (const { channel, timePs } of tags) {
    if (!channels.includes(channel)) continue;
    kept.set(channel, timePs);
    const times = channels.map(each => kept.get(each)).filter(time => time !== undefined);
    if (times.length < channels.length || timePs - least(times) > windowPs) continue;
    made.push({ timePs: stampOf(timestamp, times), channel: number });
    kept = new Map();
  }
  return made;
}

/** Every choice of one tag per channel whose first and last are near. */
function every(tags: readonly Tag[], channels: readonly number[], windowPs: bigint, timestamp: string, number: number): Tag[] {
  let choices: bigint[][] = [[]];
  for (const channel of channels) {
    const times = tags.filter(tag => tag.channel === channel).map(({ timePs }) => timePs);
    choices = choices.flatMap(chosen => times.filter(time => chosen.every(other => time - other <= windowPs && other - time <= windowPs)).map(time => [...chosen, time]));
  }
  return choices.map(times => ({ timePs: stampOf(timestamp, times), channel: number }));
}

/** The tags of one virtual channel, given those of a stretch, in any order. */
export function tagsOf({ kind, config, number }: CheckedVirtual, { tags, fromPs, toPs }: Stretch): Tag[] {
  const ps = (key: string): bigint => BigInt(config[key] as number);
  const channels = config['channels'] as number[];
  const of = (channel: unknown): Tag[] => tags.filter(tag => tag.channel === channel);
  switch (kind) {
    case 'combiner': return tags.filter(({ channel }) => channels.includes(channel)).map(({ timePs }) => ({ timePs, channel: number }));
    case 'coincidence':
      return (config['consume'] === true ? consumed : every)(tags, channels, ps('windowPs'), config['timestamp'] as string, number);
    case 'coincidences':
      return (config['groups'] as number[][]).flatMap((group, i) => consumed(tags, group, ps('windowPs'), config['timestamp'] as string, number + i));
    case 'combinations': {
      const ours = tags.filter(({ channel }) => channels.includes(channel)), made: Tag[] = [];
      for (let i = 0; i < ours.length; i++) {
        for (let j = i; j < ours.length; j++) {
          const first = ours[i]!.timePs, last = ours[j]!.timePs, before = ours[i - 1]?.timePs, after = ours[j + 1]?.timePs;
          if (last - first > ps('windowPs')) break;
          if ((before !== undefined && first - before <= ps('windowPs')) || (after !== undefined && after - last <= ps('windowPs'))) continue;
          const pattern = channels.reduce((sum, channel, bit) => sum + (ours.slice(i, j + 1).some(tag => tag.channel === channel) ? 2 ** bit : 0), 0);
          made.push({ timePs: last, channel: number + pattern - 1 });
        }
      }
      return made;
    }
    case 'delayed': return of(config['channel']).map(({ timePs }) => ({ timePs: timePs + ps('delayPs'), channel: number }));
    case 'gated':
      return tags.filter(({ channel }, i) => {
        const turn = tags.slice(0, i).findLast(tag => tag.channel === config['gateStart'] || tag.channel === config['gateStop']);
        return channel === config['channel'] && (turn ? turn.channel === config['gateStart'] : config['initiallyOpen'] === true);
      }).map(({ timePs }) => ({ timePs, channel: number }));
    case 'frequencyMultiplier': {
      const ours = of(config['channel']), multiplier = ps('multiplier');
      return ours.flatMap(({ timePs }, i) => {
        const periodPs = i === 0 ? 0n : timePs - ours[i - 1]!.timePs, untilPs = ours[i + 1]?.timePs ?? toPs;
        const steps = periodPs === 0n ? [] : Array.from({ length: Number(multiplier) - 1 }, (_, k) => timePs + BigInt(k + 1) * periodPs / multiplier);
        return [timePs, ...steps.filter(time => time < untilPs)].map(time => ({ timePs: time, channel: number }));
      });
    }
    case 'constantFractionDiscriminator': {
      const edges = tags.filter(({ channel }) => channel === config['rising'] || channel === config['falling']);
      return edges.flatMap(({ timePs, channel }, i) => {
        const before = edges[i - 1];
        if (channel !== config['falling'] || before?.channel !== config['rising'] || timePs - before!.timePs > ps('searchWindowPs')) return [];
        return [{ timePs: floorDiv(timePs + before!.timePs, 2n), channel: number }];
      });
    }
    case 'eventGenerator': {
      let triggers = 0;
      return tags.flatMap(({ timePs, channel }, i) => {
        if (channel !== config['trigger'] || triggers++ % (config['divider'] as number) !== config['dividerOffset']) return [];
        const stop = tags.find((tag, j) => j > i && tag.channel === config['stop']);
        return (config['patternPs'] as number[]).map(later => ({ timePs: timePs + BigInt(later), channel: number })).filter(tag => !stop || tag.timePs < stop.timePs);
      });
    }
    case 'triggerOnCountrate': {
      const made: Tag[] = [], windowPs = ps('timeWindowPs'), ours = of(config['channel']);
      const reference = config['referenceRateHz'] as number, hysteresis = config['hysteresisHz'] as number;
      let isAbove: boolean | undefined;
      for (let endPs = fromPs + windowPs; endPs <= toPs; endPs += windowPs) {
        const rateHz = ours.filter(({ timePs }) => timePs >= endPs - windowPs && timePs < endPs).length / Number(windowPs) * 1e12;
        const now = rateHz >= reference + hysteresis ? true : rateHz <= reference - hysteresis ? false : isAbove;
        if (now !== isAbove) made.push({ timePs: endPs, channel: now === true ? number : number + 1 });
        isAbove = now;
      }
      return made;
    }
  }
}

/** The stretch as a view with these channels has it, layer by layer; `rank` decides between equal times. */
export function viewed(stretch: Stretch, virtual: readonly CheckedVirtual[], rank: (channel: number) => number): Stretch | undefined {
  let now = stretch;
  for (let layer = 0; virtual.some(each => each.layer === layer); layer++) {
    const own = virtual.filter(each => each.layer === layer);
    const fromPs = now.fromPs - least(own.map(each => -reachOf(each).leadIn)), toPs = now.toPs + least(own.map(each => -reachOf(each).holdBack));
    if (toPs <= fromPs) return undefined;
    const tags = [...now.tags, ...own.flatMap(each => tagsOf(each, now))].filter(({ timePs }) => timePs >= fromPs && timePs < toPs);
    now = { fromPs, toPs, tags: tags.sort((a, b) => (a.timePs < b.timePs ? -1 : a.timePs > b.timePs ? 1 : rank(a.channel) - rank(b.channel))) };
  }
  return now;
}

/** A definition of this kind over some of these channels. */
export function randomDefinition(random: Random, kind: CheckedVirtual['kind'], inputs: readonly number[], scalePs: number): Record<string, unknown> {
  const some = (count: number): number[] => shuffled(random, inputs).slice(0, count);
  const windowPs = random.pick([0, 1, Math.round(scalePs / 2), scalePs, 4 * scalePs]);
  const timestamp = random.pick(['last', 'average', 'first', 'listed-first']);
  const [a, b, c] = some(3) as [number, number, number];
  switch (kind) {
    case 'combiner': return { kind, channels: some(random.integer(1, 3)) };
    case 'coincidence': return { kind, channels: some(random.integer(2, 4)), windowPs, timestamp, consume: random.chance(0.7) };
    case 'coincidences': return { kind, groups: [some(2), some(3)], windowPs, timestamp };
    case 'combinations': return { kind, channels: some(random.integer(2, 3)), windowPs };
    case 'delayed': return { kind, channel: a, delayPs: random.pick([0, -1, 1, -scalePs, scalePs, 10 * scalePs, -10 * scalePs]) };
    case 'gated': return { kind, channel: random.pick([a, b, c]), gateStart: b, gateStop: c, initiallyOpen: random.chance(0.5) };
    case 'frequencyMultiplier': return { kind, channel: a, multiplier: random.integer(1, 4) };
    case 'constantFractionDiscriminator': return { kind, rising: a, falling: b, searchWindowPs: windowPs };
    case 'eventGenerator': {
      const divider = random.integer(1, 3);
      const patternPs = Array.from({ length: random.integer(1, 3) }, () => random.pick([0, 1, scalePs, 5 * scalePs])).sort((x, y) => x - y);
      return { kind, trigger: a, patternPs, divider, dividerOffset: random.integer(0, divider - 1), ...(random.chance(0.5) ? { stop: b } : {}) };
    }
    case 'triggerOnCountrate': {
      const timeWindowPs = random.pick([8, 8 + scalePs, 8 * scalePs]);
      // Between whole numbers of tags, so that no rounding decides; and sometimes without a band.
      const halves = random.integer(1, 4), tags = 1e12 / timeWindowPs;
      return { kind, channel: a, timeWindowPs, referenceRateHz: (halves + 0.25) * tags, hysteresisHz: random.pick([0, 0.6, 1.1]) * tags };
    }
  }
}

export function shuffled<T>(random: Random, list: readonly T[]): T[] {
  const rest = [...list];
  return list.map(() => rest.splice(random.integer(0, rest.length - 1), 1)[0]!);
}
