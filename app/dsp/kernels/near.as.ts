// dsp/kernels/near.as.ts - pairs by looking back, for windows that hold few tags.
//
// Sixty-four tags are bits of words (bits.as.ts): which follow their predecessor closely, which are clicks, which are starts. A tag can
// only pair with the k-th tag before it at the end of a run of k close ones, so "run & clicks & (starts << k)" names all pairs
// k tags apart. Some of those just miss the range; the exact delay sorts them out without a branch. Only ends of runs longer
// than `lags` look back tag by tag. A plain loop over tags in random channel order would mispredict a branch for each.
import { aheadOf, behindOf, belowOf, clickOf, isNarrow, startOf, widthOf } from './plan.as';
import { fewClose, fewOfChannel } from './bits.as';
import { quotient, reciprocalOf, shiftOf } from './divide.as';

/** So many tags back pairs are found by bits. */
// @ts-ignore: decorator
@inline
const lags: u32 = 4;

/**
 * Adds every pair whose later tag is in [0, n) to u64 bins at `countsAt`; `history` tags in front may be the earlier one.
 * `closeAt`: bits for the larger reach of the plan; `tiesAt`: for a reach of 1; the others: bits of the two channels.
 */
export function pairsNear(
  timesAt: usize, channelsAt: usize, n: u32, history: u32, closeAt: usize, tiesAt: usize, clicksAt: usize, startsAt: usize,
  planAt: usize, countsAt: usize,
): void {
  const click = clickOf(planAt), start = startOf(planAt), oneSided = belowOf(planAt) == 0 && click != start;
  if (!isNarrow(planAt)) scan(timesAt, channelsAt, n, history, closeAt, tiesAt, clicksAt, startsAt, planAt, countsAt, false, false, false);
  else if (!oneSided) scan(timesAt, channelsAt, n, history, closeAt, tiesAt, clicksAt, startsAt, planAt, countsAt, true, false, false);
  else if (click > start) scan(timesAt, channelsAt, n, history, closeAt, tiesAt, clicksAt, startsAt, planAt, countsAt, true, true, false);
  else scan(timesAt, channelsAt, n, history, closeAt, tiesAt, clicksAt, startsAt, planAt, countsAt, true, true, true);
}

/**
 * The last three are literals at every call, so that each combination is compiled by itself. With `oneSided` starts do not look
 * back but, `withTies`, for clicks of the same time, which sort before them.
 */
// @ts-ignore: decorator
@inline
function scan(
  timesAt: usize, channelsAt: usize, n: u32, history: u32, closeAt: usize, tiesAt: usize, clicksAt: usize, startsAt: usize,
  planAt: usize, countsAt: usize, narrow: bool, oneSided: bool, withTies: bool,
): void {
  const click = clickOf(planAt), start = startOf(planAt), isAuto = !oneSided && click == start;
  const width = widthOf(planAt), ahead = aheadOf(planAt);
  const behind: i64 = belowOf(planAt) > 0 || click < start ? behindOf(planAt) : 0, reach = max(ahead, behind);
  const shift = narrow ? shiftOf(<u32>width) : 0, reciprocal = narrow ? reciprocalOf(<u32>width, shift) : 0;
  const zeroAt = countsAt + (<usize>belowOf(planAt) << 3);
  const firstAt = timesAt - (<usize>history << 3);

  // Bits of tags before a block end at the highest one. The very first tag has no predecessor.
  const tags = min(history, lags), gaps = history ? min(history - 1, lags) : 0;
  let closeBefore: u64 = gaps ? fewClose(timesAt - (<usize>gaps << 3), gaps, reach) << (64 - gaps) : 0;
  let clicksBefore: u64 = tags ? fewOfChannel(channelsAt - tags, tags, click) << (64 - tags) : 0;
  let startsBefore: u64 = tags ? fewOfChannel(channelsAt - tags, tags, start) << (64 - tags) : 0;
  let valid: u64 = history ? -1 : -2;

  for (let i: u32 = 0; i < n; i += 64) {
    const place = <usize>i >> 3, at = timesAt + (<usize>i << 3), channelAt = channelsAt + i;
    const close = load<u64>(closeAt + place) & valid, clicks = load<u64>(clicksAt + place), starts = load<u64>(startsAt + place);

    let run = close & (oneSided ? clicks : clicks | starts);
    for (let lag: u32 = 1; lag <= lags && run; lag++) {
      let pairs = run & clicks & delayed(starts, startsBefore, lag);
      if (!oneSided) pairs |= run & starts & delayed(clicks, clicksBefore, lag);
      for (; pairs; pairs &= pairs - 1) {
        const bit = <u32>ctz(pairs), laterAt = at + (<usize>bit << 3);
        const delay = load<i64>(laterAt) - load<i64>(laterAt - (<usize>lag << 3));
        count(delay, oneSided || isSet(clicks, bit), isAuto, zeroAt, ahead, behind, narrow, reciprocal, shift, width);
      }
      run &= delayed(close, closeBefore, lag);
    }

    for (let ends = run; ends; ends &= ends - 1) {
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
      for (let ties = starts & load<u64>(tiesAt + place) & valid; ties; ties &= ties - 1) {
        const bit = <u32>ctz(ties), time = load<i64>(at + (<usize>bit << 3));
        let earlierAt = at + (<usize>bit << 3) - 8, earlierChannelAt = channelAt + bit - 1;
        for (; earlierAt >= firstAt && load<i64>(earlierAt) == time; earlierAt -= 8, earlierChannelAt -= 1) {
          addTo(zeroAt, <u32>load<u8>(earlierChannelAt) == click);
        }
      }
    }
    valid = -1;
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
