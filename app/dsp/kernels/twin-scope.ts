// dsp/kernels/twin-scope.ts - twin of scope.as.ts: edges in windows behind a trigger.
import type { KernelSet } from './kernels.ts';
import { addTo, difference, type Views } from './words.ts';

/** Times as i64, levels as u64 with a bit per input, counts as u32, `width` and `triggered` as f64; `roles` is u8[256]. */
export const scopePlan = {
  width: 0, opened: 8, instant: 16, high: 24, known: 32, highBefore: 40, knownBefore: 48, isOpen: 56, hasInstant: 60, left: 64, points: 68, over: 72,
  mostPoints: 76, rows: 80, own: 84, endless: 88, breaks: 92, triggered: 96, endedAt: 104, until: 112, roles: 128, bytes: 384,
} as const;

/** A channel's role: input * 2, 1 more if it goes high; `none`; and `trigger` on top of either. */
export const scopeRole = { none: 127, trigger: 128 } as const;

/** A row: i64 time, u32 kind and role << 8, u32 count (points that found no room, of an end). `early` edges come before their trigger. */
export const scopeRow = { edge: 0, early: 1, level: 2, trigger: 3, end: 4, cut: 5, bytes: 16 } as const;

export function scopeKernels(views: () => Views): Pick<KernelSet, 'recordScope'> {
  /** `timeAt`: word of the time of the row; nothing is later than it by more than `laterPs`. */
  function writeRow({ u32, i32 }: Views, p: number, bufferAt: number, timeAt: number, code: number, count = 0, laterPs = 0): void {
    const at = bufferAt / 4 + 4 * u32[p + scopePlan.rows / 4]!;
    u32.copyWithin(at, timeAt, timeAt + 2);
    addTo(u32, i32, at, laterPs);
    u32[at + 2] = code;
    u32[at + 3] = count;
    u32[p + scopePlan.rows / 4]!++;
  }

  function dropEarly({ u32 }: Views, p: number): void {
    u32[p + scopePlan.rows / 4] = u32[p + scopePlan.own / 4]!;
    u32[p + scopePlan.points / 4] = u32[p + scopePlan.over / 4] = 0;
  }

  function takeEdge(all: Views, p: number, bufferAt: number, timeAt: number, role: number): void {
    const { u32, i32 } = all, isOpen = u32[p + scopePlan.isOpen / 4]! > 0, instant = p + scopePlan.instant / 4;
    if (u32[p + scopePlan.hasInstant / 4] === 0 || difference(u32, i32, timeAt, instant) !== 0) {
      u32[p + scopePlan.hasInstant / 4] = 1;
      u32.copyWithin(instant, timeAt, timeAt + 2);
      u32.copyWithin(p + scopePlan.highBefore / 4, p + scopePlan.high / 4, p + scopePlan.high / 4 + 4);
      if (!isOpen) dropEarly(all, p);
    }
    const half = role >> 6, bit = 1 << ((role >> 1) & 31), high = p + scopePlan.high / 4 + half;
    u32[high] = (role & 1) > 0 ? u32[high]! | bit : u32[high]! & ~bit;
    u32[p + scopePlan.known / 4 + half]! |= bit;
    if (u32[p + scopePlan.points / 4]! >= u32[p + scopePlan.mostPoints / 4]!) u32[p + scopePlan.over / 4]!++;
    else {
      u32[p + scopePlan.points / 4]!++;
      writeRow(all, p, bufferAt, timeAt, (isOpen ? scopeRow.edge : scopeRow.early) | (role << 8));
    }
  }

  function beginTrace(all: Views, p: number, bufferAt: number, timeAt: number): void {
    const { u32, i32, f64 } = all, isSame = u32[p + scopePlan.hasInstant / 4]! > 0 && difference(u32, i32, timeAt, p + scopePlan.instant / 4) === 0;
    if (!isSame) dropEarly(all, p);
    writeRow(all, p, bufferAt, timeAt, scopeRow.trigger);
    const high = p + (isSame ? scopePlan.highBefore : scopePlan.high) / 4, known = p + (isSame ? scopePlan.knownBefore : scopePlan.known) / 4;
    for (let input = 0; input < 64; input++) {
      const word = input >> 5, bit = 1 << (input & 31);
      if ((u32[known + word]! & bit) !== 0) writeRow(all, p, bufferAt, timeAt, scopeRow.level | ((2 * input + ((u32[high + word]! & bit) === 0 ? 0 : 1)) << 8));
    }
    u32.copyWithin(p + scopePlan.opened / 4, timeAt, timeAt + 2);
    u32[p + scopePlan.isOpen / 4] = 1;
    f64[(p + scopePlan.triggered / 4) / 2]!++;
    if (u32[p + scopePlan.endless / 4] === 0) u32[p + scopePlan.left / 4]!--;
  }

  function endTrace(all: Views, p: number, bufferAt: number, kind: number, timeAt: number, laterPs: number): void {
    const { u32, i32 } = all, ended = p + scopePlan.endedAt / 4;
    writeRow(all, p, bufferAt, timeAt, kind, u32[p + scopePlan.over / 4]!, laterPs);
    u32[p + scopePlan.isOpen / 4] = u32[p + scopePlan.points / 4] = u32[p + scopePlan.over / 4] = 0;
    u32.copyWithin(ended, timeAt, timeAt + 2);
    addTo(u32, i32, ended, laterPs);
    if (u32[p + scopePlan.endless / 4]! > 0) {
      const from = u32[p + scopePlan.own / 4]!, to = u32[p + scopePlan.rows / 4]!;
      u32.copyWithin(bufferAt / 4, bufferAt / 4 + 4 * from, bufferAt / 4 + 4 * to);
      u32[p + scopePlan.rows / 4] = to - from;
    }
    u32[p + scopePlan.own / 4] = u32[p + scopePlan.rows / 4]!;
  }

  return {
    recordScope(timesAt, channelsAt, n, untilAt, planAt, bufferAt) {
      const all = views(), { u8, u32, i32, f64 } = all, p = planAt / 4, opened = p + scopePlan.opened / 4, widthPs = f64[(planAt + scopePlan.width) / 8]!;
      const isOpen = (): boolean => u32[p + scopePlan.isOpen / 4]! > 0;
      for (let i = 0; i < n; i++) {
        const role = u8[planAt + scopePlan.roles + u8[channelsAt + i]!]!, timeAt = timesAt / 4 + 2 * i;
        if (role === scopeRole.none) continue;
        if (isOpen() && difference(u32, i32, timeAt, opened) >= widthPs) endTrace(all, p, bufferAt, scopeRow.end, opened, widthPs);
        if (!isOpen() && u32[p + scopePlan.left / 4] === 0) return i;
        if ((role & scopeRole.none) !== scopeRole.none) takeEdge(all, p, bufferAt, timeAt, role & scopeRole.none);
        if (role >= scopeRole.trigger && !isOpen()) beginTrace(all, p, bufferAt, timeAt);
      }
      const isBroken = u32[p + scopePlan.breaks / 4]! > 0;
      if (isOpen()) {
        if (difference(u32, i32, untilAt / 4, opened) >= widthPs) endTrace(all, p, bufferAt, scopeRow.end, opened, widthPs);
        else if (isBroken) endTrace(all, p, bufferAt, scopeRow.cut, untilAt / 4, 0);
      }
      if (isBroken) {
        dropEarly(all, p);
        u32[p + scopePlan.hasInstant / 4] = 0;
        u32.fill(0, p + scopePlan.high / 4, p + scopePlan.high / 4 + 4);
      }
      return n;
    },
  };
}
