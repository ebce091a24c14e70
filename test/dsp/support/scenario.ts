// test/dsp/support/scenario.ts - random lives of a stream, and what must be measured in them, by brute force.
//
// The oracle reads the same script as the tagger, with BigInt and without blocks: a list of uninterrupted stretches.
import type { WorstGrade } from '../../../app/core/tags.ts';
import { worseGrade } from '../../../app/core/tags.ts';
import type { Random } from '../../support/random.ts';
import type { Act, TagList } from './script.ts';

export interface Stretch { tags: { t: bigint; channel: number }[]; fromPs: bigint; toPs: bigint }

export interface Truth {
  stretches: Stretch[];
  grade: WorstGrade;
  lostIntervals: number;
  /** Per channel index; null where nobody counted. */
  missed: (number | null)[];
  epochs: number;
  disorder: number;
}

export interface ScenarioOptions { startPs?: bigint; pieces?: number; tagsPerPiece?: number; meanGapPs?: number; channels?: number; calm?: boolean }

/** A stream of pieces with something between them: losses of each grade, restarts, slips, steps back, settings. */
export function randomActs(random: Random, options: ScenarioOptions = {}): Act[] {
  const { startPs = 0n, pieces = 12, tagsPerPiece = 120, meanGapPs = 400, channels = 4, calm = false } = options;
  const acts: Act[] = [{ do: 'heartbeat', timePs: startPs }];
  let t = startPs;
  const tags = (): TagList => {
    const list: TagList = { timesPs: [], channels: [] };
    for (let n = random.integer(1, tagsPerPiece); n > 0; n--) {
      // Every fifth click hits several channels in one moment.
      t += BigInt(Math.round(random.exponential(meanGapPs)));
      const first = random.integer(0, channels - 1);
      const last = random.chance(0.2) ? random.integer(first, channels - 1) : first;
      if (list.timesPs.at(-1) === t || acts.length === 1) t += 1n;
      for (let channel = first; channel <= last; channel++) {
        list.timesPs.push(t);
        list.channels.push(channel);
      }
    }
    return list;
  };
  const later = (): bigint => BigInt(random.integer(1, 20_000));
  for (let piece = 0; piece < pieces; piece++) {
    acts.push(random.chance(0.5) ? { do: 'tags', tags: tags() } : { do: 'commit', tags: tags(), atOnce: random.integer(1, 40) });
    if (calm) continue;
    t += later();
    const fromPs = t;
    switch (random.integer(0, 8)) {
      case 0: case 1: case 2: {
        t += later();
        const grade = random.pick(['counted', 'counted', 'flagged', 'suspect'] as const);
        const missed = Array.from({ length: channels }, (_, channelIndex) => ({ channelIndex, count: random.integer(0, 9) }));
        acts.push({ do: 'lost', loss: { grade, place: random.pick(['device', 'usb', 'host'] as const), fromPs, toPs: t, missed: grade === 'counted' ? missed : undefined } });
        break;
      }
      case 3:
        acts.push({ do: 'losing', fromPs });
        acts.push({ do: 'tags', tags: tags() });
        t += later();
        acts.push({ do: 'lost', loss: { grade: 'flagged', place: 'device', fromPs, toPs: t } });
        break;
      case 4: acts.push({ do: 'epoch', atPs: t }); break;
      case 5: acts.push({ do: 'slip', atPs: t }); break;
      case 6: t -= later() + 20_000n; break;
      case 7: acts.push({ do: 'heartbeat', timePs: t }); break;
      case 8: acts.push({ do: 'settings', atPs: t, revision: piece + 1, channels: [random.integer(0, channels - 1)] });
    }
  }
  t += later();
  acts.push({ do: 'heartbeat', timePs: t });
  return acts;
}

/** What the script amounts to. */
export function truthOf(acts: readonly Act[], channels = 4): Truth {
  const truth: Truth = { stretches: [], grade: 'none', lostIntervals: 0, missed: Array.from({ length: channels }, () => 0), epochs: 0, disorder: 0 };
  let open: Stretch | undefined;
  let losing: bigint | undefined;
  let now: bigint | undefined;
  const end = (toPs: bigint): void => {
    if (open && losing === undefined) truth.stretches.push({ ...open, toPs });
  };
  const begin = (fromPs: bigint): void => {
    now = fromPs;
    open = { tags: [], fromPs, toPs: fromPs };
  };
  for (const act of acts) {
    switch (act.do) {
      case 'tags': case 'commit':
        for (const [i, t] of act.tags.timesPs.entries()) {
          if (now === undefined) begin(t);
          else if (t < now) {
            truth.disorder++;
            end(now);
            begin(t);
          }
          now = t;
          if (losing === undefined) open!.tags.push({ t, channel: act.tags.channels[i]! });
        }
        break;
      case 'heartbeat':
        if (now === undefined) begin(act.timePs);
        else if (act.timePs > now) now = act.timePs;
        break;
      case 'losing':
        end(act.fromPs);
        losing = act.fromPs;
        break;
      case 'lost': {
        const { grade, missed, fromPs, toPs } = act.loss;
        end(fromPs);
        losing = undefined;
        truth.grade = worseGrade(truth.grade, grade);
        truth.lostIntervals++;
        truth.missed = truth.missed.map((sum, i) => (sum === null || !missed ? null : sum + (missed.find(({ channelIndex }) => channelIndex === i)?.count ?? 0)));
        begin(toPs);
        break;
      }
      case 'epoch':
        truth.epochs++;
        end(now!);
        begin(act.atPs);
        break;
      case 'slip':
        truth.grade = worseGrade(truth.grade, 'suspect');
        truth.lostIntervals++;
        truth.missed = truth.missed.map(() => null);
        end(now!);
        begin(act.atPs);
        break;
      case 'settings': break;
      default: throw new Error(`The oracle does not know '${act.do}'.`);
    }
  }
  end(now!);
  return truth;
}

/** The stretches as a view with these delays (by channel index) has them: shorter by the spread, moved, sorted. */
export function delayed(stretches: readonly Stretch[], delaysPs: readonly number[]): Stretch[] {
  const least = BigInt(Math.min(0, ...delaysPs));
  const most = BigInt(Math.max(0, ...delaysPs));
  return stretches.flatMap(({ tags, fromPs, toPs }) => {
    const from = fromPs + most;
    const to = toPs + least;
    if (to <= from) return [];
    const moved = tags.map(({ t, channel }) => ({ t: t + BigInt(delaysPs[channel] ?? 0), channel })).filter(({ t }) => t >= from && t < to);
    return [{ tags: moved.sort((a, b) => (a.t === b.t ? a.channel - b.channel : a.t < b.t ? -1 : 1)), fromPs: from, toPs: to }];
  });
}

/** Everything from the first moment on for `durationPs`, cut exactly. */
export function cut(stretches: readonly Stretch[], fromPs: bigint, untilPs: bigint): Stretch[] {
  return stretches.filter(stretch => stretch.fromPs < untilPs && stretch.toPs > fromPs).map(stretch => ({
    tags: stretch.tags.filter(({ t }) => t >= fromPs && t < untilPs),
    fromPs: stretch.fromPs > fromPs ? stretch.fromPs : fromPs, toPs: stretch.toPs < untilPs ? stretch.toPs : untilPs,
  }));
}

export function countsIn(stretches: readonly Stretch[], channels: readonly number[]): number[] {
  return channels.map(channel => stretches.reduce((sum, { tags }) => sum + tags.filter(tag => tag.channel === channel).length, 0));
}

export function liveIn(stretches: readonly Stretch[]): number {
  return stretches.reduce((sum, { fromPs, toPs }) => sum + Number(toPs - fromPs), 0);
}

/** Every pair: bin k holds (k - floor(n/2)) w <= t(a) - t(b) < (k+1 - floor(n/2)) w. */
export function correlationOf(stretches: readonly Stretch[], a: number, b: number, binwidthPs: number, bins: number): number[] {
  const counts = Array.from({ length: bins }, () => 0);
  const half = Math.floor(bins / 2);
  for (const { tags } of stretches) {
    for (const [i, first] of tags.entries()) {
      if (first.channel !== a) continue;
      for (const [j, second] of tags.entries()) {
        if (second.channel !== b || i === j) continue;
        const k = Math.floor(Number(first.t - second.t) / binwidthPs) + half;
        if (k >= 0 && k < bins) counts[k]!++;
      }
    }
  }
  return counts;
}
