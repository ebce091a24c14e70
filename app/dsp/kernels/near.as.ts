// dsp/kernels/near.as.ts - pairs by looking back, for windows that hold few tags.
//
// Sixty-four tags become bits of words: which follow their predecessor closely, which are clicks, which are starts. A tag can
// only pair with the k-th tag before it at the end of a run of k close ones, so "run & clicks & (starts << k)" names all pairs
// k tags apart. Some of those just miss the range; the exact delay sorts them out without a branch. Only ends of runs longer
// than `lags` look back tag by tag. A plain loop over tags in random channel order would mispredict a branch for each.
import { aheadOf, behindOf, belowOf, clickOf, isNarrow, startOf, widthOf } from './plan.as';
import { quotient, reciprocalOf, shiftOf } from './divide.as';

// @ts-ignore: decorator
@inline
const block: u32 = 64;
/** So many tags back pairs are found by bits. */
// @ts-ignore: decorator
@inline
const lags: u32 = 4;

/** Adds every pair whose later tag is in [0, n) to u64 bins at `countsAt`; `history` tags in front may be the earlier one. */
export function pairsNear(timesAt: usize, channelsAt: usize, n: u32, history: u32, planAt: usize, countsAt: usize): void {
  const click = clickOf(planAt), start = startOf(planAt), oneSided = belowOf(planAt) == 0 && click != start;
  if (!isNarrow(planAt)) scan(timesAt, channelsAt, n, history, planAt, countsAt, false, false, false);
  else if (!oneSided) scan(timesAt, channelsAt, n, history, planAt, countsAt, true, false, false);
  else if (click > start) scan(timesAt, channelsAt, n, history, planAt, countsAt, true, true, false);
  else scan(timesAt, channelsAt, n, history, planAt, countsAt, true, true, true);
}

/**
 * The last three are literals at every call, so that each combination is compiled by itself. With `oneSided` starts do not look
 * back but, `withTies`, for clicks of the same time, which sort before them.
 */
// @ts-ignore: decorator
@inline
function scan(
  timesAt: usize, channelsAt: usize, n: u32, history: u32, planAt: usize, countsAt: usize, narrow: bool, oneSided: bool, withTies: bool,
): void {
  const click = clickOf(planAt), start = startOf(planAt), isAuto = !oneSided && click == start;
  const width = widthOf(planAt), ahead = aheadOf(planAt);
  const behind: i64 = belowOf(planAt) > 0 || click < start ? behindOf(planAt) : 0, reach = max(ahead, behind);
  const shift = narrow ? shiftOf(<u32>width) : 0, reciprocal = narrow ? reciprocalOf(<u32>width, shift) : 0;
  const zeroAt = countsAt + (<usize>belowOf(planAt) << 3);
  const firstAt = timesAt - (<usize>history << 3);

  // The very first tag has no predecessor. Bits of tags before a block end at the highest one.
  const from: u32 = history ? 0 : 1, tags = min(history + from, lags), gaps = min(history + from - 1, lags);
  const fromAt = timesAt + (<usize>from << 3), fromChannelAt = channelsAt + from;
  let closeBefore: u64 = gaps ? closeBits(fromAt - (<usize>gaps << 3), gaps, reach) << (64 - gaps) : 0;
  let clicksBefore: u64 = channelBits(fromChannelAt - tags, tags, click) << (64 - tags);
  let startsBefore: u64 = channelBits(fromChannelAt - tags, tags, start) << (64 - tags);

  for (let i = from; i < n; i += block) {
    const at = timesAt + (<usize>i << 3), channelAt = channelsAt + i, left = n - i, isWhole = left >= block;
    const close = isWhole ? closeBlock(at, reach, narrow) : closeBits(at, left, reach);
    const clicks = isWhole ? channelBlock(channelAt, click) : channelBits(channelAt, left, click);
    const starts = isWhole ? channelBlock(channelAt, start) : channelBits(channelAt, left, start);

    let run = close;
    for (let lag: u32 = 1; lag <= lags; lag++) {
      let pairs = run & clicks & delayed(starts, startsBefore, lag);
      if (!oneSided) pairs |= run & starts & delayed(clicks, clicksBefore, lag);
      for (; pairs; pairs &= pairs - 1) {
        const bit = <u32>ctz(pairs), laterAt = at + (<usize>bit << 3);
        const delay = load<i64>(laterAt) - load<i64>(laterAt - (<usize>lag << 3));
        count(delay, oneSided || isSet(clicks, bit), isAuto, zeroAt, ahead, behind, narrow, reciprocal, shift, width);
      }
      run &= delayed(close, closeBefore, lag);
    }

    for (let ends = run & (oneSided ? clicks : clicks | starts); ends; ends &= ends - 1) {
      const bit = <u32>ctz(ends), isClick = oneSided || isSet(clicks, bit);
      const limit = isAuto ? reach : select(ahead, behind, isClick);
      const time = load<i64>(at + (<usize>bit << 3)), partner = isClick ? start : click;
      let earlierAt = at + (<usize>bit << 3) - (<usize>lags << 3), earlierChannelAt = channelAt + bit - lags;
      while (earlierAt > firstAt) {
        earlierAt -= 8, earlierChannelAt -= 1;
        const delay = time - load<i64>(earlierAt);
        if (delay >= limit) break;
        if (<u32>load<u8>(earlierChannelAt) != partner) continue;
        count(delay, isClick, isAuto, zeroAt, ahead, behind, narrow, reciprocal, shift, width);
      }
    }

    if (withTies) {
      for (let ties = starts & (isWhole ? closeBlock(at, 1, narrow) : closeBits(at, left, 1)); ties; ties &= ties - 1) {
        const bit = <u32>ctz(ties), time = load<i64>(at + (<usize>bit << 3));
        let earlierAt = at + (<usize>bit << 3) - 8, earlierChannelAt = channelAt + bit - 1;
        for (; earlierAt >= firstAt && load<i64>(earlierAt) == time; earlierAt -= 8, earlierChannelAt -= 1) {
          addTo(zeroAt, <u32>load<u8>(earlierChannelAt) == click);
        }
      }
    }
    closeBefore = close, clicksBefore = clicks, startsBefore = starts;
  }
}

/** Counts a delay that may miss the range. Which channel is later is a toss of a coin: chosen by data and not by a branch. */
// @ts-ignore: decorator
@inline
function count(
  delay: i64, isClick: bool, isAuto: bool, zeroAt: usize, ahead: i64, behind: i64, narrow: bool, reciprocal: u64, shift: u64, width: f64,
): void {
  const inside = delay < select(ahead, behind, isClick);
  const roundedUp = select<i64>(delay, 0, inside) + select<i64>(0, <i64>width - 1, isClick);
  addTo(zeroAt + <usize>(<i32>quotient(roundedUp, narrow, reciprocal, shift, width) * select<i32>(8, -8, isClick)), inside);
  if (!isAuto) return;
  const mirrored = delay > 0 && delay < behind;
  addTo(zeroAt - (<usize>quotient(select<i64>(delay, 0, mirrored) + <i64>width - 1, narrow, reciprocal, shift, width) << 3), mirrored);
}

// @ts-ignore: decorator
@inline
function addTo(at: usize, one: bool): void { store<u64>(at, load<u64>(at) + <u64>one); }
// @ts-ignore: decorator
@inline
function isSet(bits: u64, bit: u32): bool { return (bits >> bit & 1) != 0; }
/** Moves the bits of each tag to the tag `lag` later; `before` are those of the block before. */
// @ts-ignore: decorator
@inline
function delayed(bits: u64, before: u64, lag: u32): u64 { return bits << lag | before >> (64 - lag); }

/** Bits of the tags that follow their predecessor by less than `reach`. */
function closeBits(at: usize, n: u32, reach: i64): u64 {
  let bits: u64 = 0;
  for (let i: u32 = 0; i < n; i++, at += 8) bits |= <u64>(load<i64>(at) - load<i64>(at - 8) < reach) << i;
  return bits;
}

/** The same of a whole block. Where `narrow` only low words are compared: a few bits too many, never one too few. */
// @ts-ignore: decorator
@inline
function closeBlock(at: usize, reach: i64, narrow: bool): u64 {
  const low = closeSixteen(at, reach, narrow) | closeSixteen(at + 128, reach, narrow) << 16;
  return <u64>low | <u64>(closeSixteen(at + 256, reach, narrow) | closeSixteen(at + 384, reach, narrow) << 16) << 32;
}

// @ts-ignore: decorator
@inline
function closeSixteen(at: usize, reach: i64, narrow: bool): u32 {
  if (!narrow) return packed(closeLong(at, reach), closeLong(at + 32, reach), closeLong(at + 64, reach), closeLong(at + 96, reach));
  const a = lowWords(at), b = lowWords(at + 32), c = lowWords(at + 64), d = lowWords(at + 96);
  return packed(closeWords(i32x4.splat(load<i32>(at - 8)), a, reach), closeWords(a, b, reach), closeWords(b, c, reach), closeWords(c, d, reach));
}

// @ts-ignore: decorator
@inline
function lowWords(at: usize): v128 { return v128.shuffle<i32>(v128.load(at), v128.load(at, 16), 0, 2, 4, 6); }

/** Four lanes, all ones where a word of `words` exceeds the one before, at first the last of `before`, by less than `reach`. */
// @ts-ignore: decorator
@inline
function closeWords(before: v128, words: v128, reach: i64): v128 {
  return i32x4.lt_s(i32x4.sub(words, v128.shuffle<i32>(before, words, 3, 4, 5, 6)), i32x4.splat(<i32>reach));
}

// @ts-ignore: decorator
@inline
function closeLong(at: usize, reach: i64): v128 {
  const first = i64x2.lt_s(i64x2.sub(v128.load(at), v128.load(at - 8)), i64x2.splat(reach));
  const second = i64x2.lt_s(i64x2.sub(v128.load(at, 16), v128.load(at, 8)), i64x2.splat(reach));
  return v128.shuffle<i32>(first, second, 0, 2, 4, 6);
}

// @ts-ignore: decorator
@inline
function packed(a: v128, b: v128, c: v128, d: v128): u32 {
  return i8x16.bitmask(i8x16.narrow_i16x8_s(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, d)));
}

function channelBits(at: usize, n: u32, channel: u32): u64 {
  let bits: u64 = 0;
  for (let i: u32 = 0; i < n; i++, at++) bits |= <u64>(<u32>load<u8>(at) == channel) << i;
  return bits;
}

// @ts-ignore: decorator
@inline
function channelBlock(at: usize, channel: u32): u64 {
  const low = sameSixteen(at, channel) | sameSixteen(at + 16, channel) << 16;
  return <u64>low | <u64>(sameSixteen(at + 32, channel) | sameSixteen(at + 48, channel) << 16) << 32;
}

// @ts-ignore: decorator
@inline
function sameSixteen(at: usize, channel: u32): u32 { return i8x16.bitmask(i8x16.eq(v128.load(at), i8x16.splat(<i8>channel))); }
