// dsp/kernels/near.as.ts - pairs by looking back, for windows that hold few tags.
//
// Two tags can only pair if the later one is closer to its direct predecessor than the window is long. A pass without
// branches keeps those (the candidates), and only they look back over contiguous memory. Tags in random channel order cost
// a plain loop one mispredicted branch each; this pays for candidates only.
import { aheadOf, behindOf, belowOf, clickOf, countAt, isNarrow, startOf, widthOf } from './plan.as';
import { quotient, reciprocalOf, shiftOf } from './divide.as';

const stretch: u32 = 4096;

/**
 * Adds every pair whose later tag is in [0, n) to u64 bins at `countsAt`; `history` tags in front may be the earlier one.
 * `candidatesAt` is scratch for 4096 u32.
 */
export function pairsNear(
  timesAt: usize, channelsAt: usize, n: u32, history: u32, planAt: usize, countsAt: usize, candidatesAt: usize,
): void {
  const oneSided = belowOf(planAt) == 0 && clickOf(planAt) != startOf(planAt);
  if (!isNarrow(planAt)) scan(timesAt, channelsAt, n, history, planAt, countsAt, candidatesAt, false, false);
  else if (oneSided) scan(timesAt, channelsAt, n, history, planAt, countsAt, candidatesAt, true, true);
  else scan(timesAt, channelsAt, n, history, planAt, countsAt, candidatesAt, true, false);
}

/** `narrow` and `oneSided` are literals at every call, so that each combination is compiled by itself. */
// @ts-ignore: decorator
@inline
function scan(
  timesAt: usize, channelsAt: usize, n: u32, history: u32, planAt: usize, countsAt: usize, candidatesAt: usize, narrow: bool, oneSided: bool,
): void {
  const click = clickOf(planAt), start = startOf(planAt);
  const width = widthOf(planAt), ahead = aheadOf(planAt);
  // A start finds clicks behind itself if negative delays count, or if clicks of equal time sort before it.
  const behind = belowOf(planAt) > 0 || click < start ? behindOf(planAt) : 0;
  const reach = max(ahead, behind);
  const shift = narrow ? shiftOf(<u32>width) : 0, reciprocal = narrow ? reciprocalOf(<u32>width, shift) : 0;
  const zeroAt = countsAt + (<usize>belowOf(planAt) << 3);
  const firstAt = timesAt - (<usize>history << 3);

  for (let from: u32 = history ? 0 : 1; from < n; from += stretch) {
    const to = min(from + stretch, n);
    const endAt = collect(timesAt, channelsAt, from, to, click, behind ? start : click, reach, candidatesAt, oneSided);
    for (let candidateAt = candidatesAt; candidateAt < endAt; candidateAt += 4) {
      const i = load<u32>(candidateAt);
      let at = timesAt + (<usize>i << 3), channelAt = channelsAt + i;
      const time = load<i64>(at);
      const isClick = <u32>load<u8>(channelAt) == click;
      if (oneSided && isClick) {
        // No select in this loop: nearly all candidates of a one-sided range are clicks.
        while (at > firstAt) {
          at -= 8, channelAt -= 1;
          const delay = time - load<i64>(at);
          if (delay >= reach) break;
          if (<u32>load<u8>(channelAt) == start) countAt(zeroAt + (<usize>quotient(delay, narrow, reciprocal, shift, width) << 3));
        }
      } else if (oneSided) {
        while (at > firstAt) {
          at -= 8, channelAt -= 1;
          if (load<i64>(at) < time) break;
          if (<u32>load<u8>(channelAt) == click) countAt(zeroAt);
        }
      } else if (click == start) {
        while (at > firstAt) {
          at -= 8, channelAt -= 1;
          const delay = time - load<i64>(at);
          if (delay >= reach) break;
          if (<u32>load<u8>(channelAt) != click) continue;
          if (delay < ahead) countAt(zeroAt + (<usize>quotient(delay, narrow, reciprocal, shift, width) << 3));
          if (delay > 0 && delay < behind) {
            countAt(zeroAt - (<usize>quotient(delay + <i64>width - 1, narrow, reciprocal, shift, width) << 3));
          }
        }
      } else {
        // Both sides in one loop, chosen by data and not by a branch: which channel is later is a toss of a coin.
        const partner = select(start, click, isClick);
        const limit = select(ahead, behind, isClick);
        const roundUp = select<i64>(0, <i64>width - 1, isClick);
        const sign = select<i32>(8, -8, isClick);
        while (at > firstAt) {
          at -= 8, channelAt -= 1;
          const delay = time - load<i64>(at);
          if (delay >= limit) break;
          if (<u32>load<u8>(channelAt) != partner) continue;
          countAt(zeroAt + <usize>(<i32>quotient(delay + roundUp, narrow, reciprocal, shift, width) * sign));
        }
      }
    }
  }
}

/**
 * Lists the tags of [from, to) of either channel that follow their predecessor by less than `reach`; returns the end. With
 * `oneSided` starts are listed only where they follow at once, since they pair with clicks of the same time alone.
 */
// @ts-ignore: decorator
@inline
function collect(
  timesAt: usize, channelsAt: usize, from: u32, to: u32, click: u32, start: u32, reach: i64, listAt: usize, oneSided: bool,
): usize {
  const reaches = i64x2.splat(reach), clicks = i8x16.splat(<i8>click), starts = i8x16.splat(<i8>start);
  const startReach: i64 = oneSided ? 1 : reach, startReaches = i64x2.splat(startReach);
  let endAt = listAt, i = from;
  for (; i + 16 <= to; i += 16) {
    const at = timesAt + (<usize>i << 3);
    const channels = v128.load(channelsAt + i);
    const isClick = i8x16.eq(channels, clicks), isStart = i8x16.eq(channels, starts);
    let mask: u32;
    if (oneSided) {
      mask = i8x16.bitmask(v128.and(isClick, closeSixteen(at, reaches)));
      if (click != start) mask |= i8x16.bitmask(v128.and(isStart, closeSixteen(at, startReaches)));
    } else mask = i8x16.bitmask(v128.and(v128.or(isClick, isStart), closeSixteen(at, reaches)));
    while (mask) {
      store<u32>(endAt, i + ctz(mask));
      endAt += 4;
      mask &= mask - 1;
    }
  }
  for (; i < to; i++) {
    const at = timesAt + (<usize>i << 3), gap = load<i64>(at) - load<i64>(at - 8);
    const channel = <u32>load<u8>(channelsAt + i);
    store<u32>(endAt, i);
    endAt += <usize>((<u32>(channel == click) & <u32>(gap < reach)) | (<u32>(channel == start) & <u32>(gap < startReach))) << 2;
  }
  return endAt;
}

/** Sixteen byte lanes, all ones where a tag follows its predecessor by less than `reaches`. */
// @ts-ignore: decorator
@inline
function closeSixteen(at: usize, reaches: v128): v128 {
  const low = i16x8.narrow_i32x4_s(closeFour(at, reaches), closeFour(at + 32, reaches));
  const high = i16x8.narrow_i32x4_s(closeFour(at + 64, reaches), closeFour(at + 96, reaches));
  return i8x16.narrow_i16x8_s(low, high);
}

/** Four 32-bit lanes, all ones where a tag follows its predecessor closely. */
// @ts-ignore: decorator
@inline
function closeFour(at: usize, reaches: v128): v128 {
  const first = i64x2.lt_s(i64x2.sub(v128.load(at), v128.load(at - 8)), reaches);
  const second = i64x2.lt_s(i64x2.sub(v128.load(at, 16), v128.load(at, 8)), reaches);
  return v128.shuffle<i32>(first, second, 0, 2, 4, 6);
}
