// dsp/kernels/twin-groups.ts - twin of groups.as.ts: coincidences of groups of channels.
//
// Times that are sums of two int64 are kept as words in a scratch of this thread's own: doubles hold differences only.
import { coincideList, coincidePlan, coincideState } from './groups-layout.ts';
import type { KernelSet } from './kernels.ts';
import { addCount, difference, word, type Views } from './words.ts';

type Names = 'countGroups' | 'countShifted' | 'countHeralds';
const doneToWord = coincidePlan.doneTo / 4, untilWord = coincidePlan.until / 4, nextWord = coincideList.next / 4, shiftWord = coincideList.shift / 4;

export function groupKernels(views: () => Views): Pick<KernelSet, Names> {
  /** `timeWord`: word of the tag's time. */
  function hit({ u32, i32 }: Views, timeWord: number, slot: number, windowPs: number, planAt: number, stateAt: number): void {
    const begins = (planAt + coincidePlan.begins) / 4 + slot, end = u32[begins + 1]!;
    for (let member = u32[begins]!; member < end; member++) {
      const at = (planAt + coincidePlan.members) / 4 + 2 * member, state = (stateAt + u32[at]!) / 4, place = u32[at + 1]!;
      const latest = state + coincideState.latest / 4, wanted = u32[state + coincideState.full / 4]!;
      u32[latest + 2 * place] = u32[timeWord]!;
      u32[latest + 2 * place + 1] = u32[timeWord + 1]!;
      let held = u32[state]! | (1 << place);
      if (held === wanted) {
        for (let k = 0; wanted >> k > 0; k++) if (difference(u32, i32, timeWord, latest + 2 * k) > windowPs) held &= ~(1 << k);
        if (held === wanted) {
          addCount(u32, state + coincideState.count / 4, 1);
          held = 0;
        }
      }
      u32[state] = held;
    }
  }

  /** int64 at word `into` = int64 at `a` plus or minus int64 at `b`. */
  function combine({ u32, i32 }: Views, into: number, a: number, b: number, sign: 1 | -1): void {
    const low = u32[a]! + sign * u32[b]!, carry = low >= word ? 1 : low < 0 ? -1 : 0;
    const high = i32[a + 1]! + sign * i32[b + 1]! + carry;
    u32[into] = low - carry * word;
    i32[into + 1] = high;
  }

  function peek(all: Views, list: number): void {
    const { u32, i32 } = all, position = u32[list + coincideList.head / 4]!;
    if (position < u32[list + 1]!) combine(all, list + nextWord, u32[list]! / 4 + 2 * position, list + shiftWord, 1);
    else {
      u32[list + nextWord] = 0xffff_ffff;
      i32[list + nextWord + 1] = 0x7fff_ffff;
    }
  }

  /** First of n ascending times at word `times` that is at or behind the time at word `limit`. */
  function firstFrom({ u32, i32 }: Views, times: number, n: number, limit: number): number {
    let low = 0, high = n;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (difference(u32, i32, times + 2 * middle, limit) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  const windowOf = ({ u32, i32 }: Views, planAt: number): number => i32[planAt / 4 + 1]! * word + u32[planAt / 4]!;

  return {
    countGroups(timesAt, channelsAt, n, planAt, stateAt) {
      const all = views(), { u8 } = all, windowPs = windowOf(all, planAt);
      for (let i = 0; i < n; i++) {
        const slot = u8[planAt + coincidePlan.roles + u8[channelsAt + i]!]!;
        if (slot !== 255) hit(all, timesAt / 4 + 2 * i, slot, windowPs, planAt, stateAt);
      }
    },
    countShifted(listsAt, slots, planAt, stateAt) {
      const all = views(), { u32, i32 } = all, windowPs = windowOf(all, planAt), lists = listsAt / 4, size = coincideList.bytes / 4;
      for (let slot = 0; slot < slots; slot++) {
        const list = lists + size * slot;
        combine(all, list + nextWord, planAt / 4 + doneToWord, list + shiftWord, -1);
        u32[list + coincideList.head / 4] = firstFrom(all, u32[list]! / 4, u32[list + 1]!, list + nextWord);
        peek(all, list);
      }
      for (;;) {
        let slot = 0;
        for (let k = 1; k < slots; k++) if (difference(u32, i32, lists + size * k + nextWord, lists + size * slot + nextWord) < 0) slot = k;
        const list = lists + size * slot;
        if (difference(u32, i32, list + nextWord, planAt / 4 + untilWord) >= 0) return;
        hit(all, list + nextWord, slot, windowPs, planAt, stateAt);
        u32[list + coincideList.head / 4]!++;
        peek(all, list);
      }
    },
    countHeralds(heraldsAt, heralds, secondsAt, seconds, thirdsAt, thirds, planAt, intoAt) {
      const all = views(), { u32, i32 } = all, windowPs = windowOf(all, planAt), to = (planAt + coincidePlan.heraldTo) / 4;
      const gap = (at: number, i: number, herald: number): number => difference(u32, i32, at / 4 + 2 * i, herald);
      let second = 0, third = 0, heralded = 0, with2 = 0, with3 = 0, both = 0;
      for (let i = firstFrom(all, heraldsAt / 4, heralds, (planAt + coincidePlan.heraldFrom) / 4); i < heralds; i++) {
        const herald = heraldsAt / 4 + 2 * i;
        if (difference(u32, i32, herald, to) >= 0) break;
        while (second < seconds && gap(secondsAt, second, herald) < -windowPs) second++;
        while (third < thirds && gap(thirdsAt, third, herald) < -windowPs) third++;
        const has2 = second < seconds && gap(secondsAt, second, herald) <= windowPs, has3 = third < thirds && gap(thirdsAt, third, herald) <= windowPs;
        heralded++;
        if (has2) with2++;
        if (has3) with3++;
        if (has2 && has3) both++;
      }
      [heralded, with2, with3, both].forEach((count, k) => addCount(u32, intoAt / 4 + 2 * k, count));
    },
  };
}
