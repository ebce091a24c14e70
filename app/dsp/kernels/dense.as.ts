// dsp/kernels/dense.as.ts - pairs of two lists of times with two moving pointers, for windows that hold many tags.
//
// Each list has its old times first (all their pairs with each other are counted) and then the new ones. Every pair with
// something new counts once: new clicks with all starts, then old clicks with new starts. The signed delay alone decides, so
// equal times need no rule about order.
import { aheadOf, behindOf, belowOf, countAt, isNarrow, widthOf } from './plan.as';
import { quotient, reciprocalOf, shiftOf } from './divide.as';

/** Adds the pairs of two different channels; times ascend, the first `old...` of each list are old. */
export function pairsDense(
  clicksAt: usize, clicks: u32, oldClicks: u32, startsAt: usize, starts: u32, oldStarts: u32, planAt: usize, countsAt: usize,
): void {
  const newClicksAt = clicksAt + (<usize>oldClicks << 3), clicksEnd = clicksAt + (<usize>clicks << 3);
  const newStartsAt = startsAt + (<usize>oldStarts << 3), startsEnd = startsAt + (<usize>starts << 3);
  if (isNarrow(planAt)) {
    cross(newClicksAt, clicksEnd, startsAt, startsEnd, planAt, countsAt, true);
    cross(clicksAt, newClicksAt, newStartsAt, startsEnd, planAt, countsAt, true);
  } else {
    cross(newClicksAt, clicksEnd, startsAt, startsEnd, planAt, countsAt, false);
    cross(clicksAt, newClicksAt, newStartsAt, startsEnd, planAt, countsAt, false);
  }
}

/** Every click of one list with every start of the other that is in range. */
// @ts-ignore: decorator
@inline
function cross(clicksAt: usize, clicksEnd: usize, startsAt: usize, startsEnd: usize, planAt: usize, countsAt: usize, narrow: bool): void {
  const width = widthOf(planAt), ahead = aheadOf(planAt), lowest = 1 - behindOf(planAt);
  const shift = narrow ? shiftOf(<u32>width) : 0, reciprocal = narrow ? reciprocalOf(<u32>width, shift) : 0;
  if (clicksAt >= clicksEnd) return;
  closeList(startsEnd, max(load<i64>(clicksEnd - 8), load<i64>(startsEnd - 8)));
  let firstAt = startsAt, pastAt = startsAt;
  for (let clickAt = clicksAt; clickAt < clicksEnd; clickAt += 8) {
    const time = load<i64>(clickAt);
    firstAt = passed(firstAt, time, ahead);
    pastAt = passed(max(pastAt, firstAt), time, lowest);
    const fromLowest = time - lowest;
    let at = firstAt;
    // Four at a time: each turn of a loop costs the engine a check whether it should stop.
    for (; at + 32 <= pastAt; at += 32) {
      countAt(countsAt + (<usize>quotient(fromLowest - load<i64>(at), narrow, reciprocal, shift, width) << 3));
      countAt(countsAt + (<usize>quotient(fromLowest - load<i64>(at, 8), narrow, reciprocal, shift, width) << 3));
      countAt(countsAt + (<usize>quotient(fromLowest - load<i64>(at, 16), narrow, reciprocal, shift, width) << 3));
      countAt(countsAt + (<usize>quotient(fromLowest - load<i64>(at, 24), narrow, reciprocal, shift, width) << 3));
    }
    for (; at < pastAt; at += 8) {
      countAt(countsAt + (<usize>quotient(fromLowest - load<i64>(at), narrow, reciprocal, shift, width) << 3));
    }
  }
}

/**
 * The first time that is less than `limit` before `time`. Times come in bursts, so how far a pointer moves cannot be foreseen:
 * four comparisons are added up without a branch, and only a longer way makes a turn of the loop.
 */
// @ts-ignore: decorator
@inline
export function passed(at: usize, time: i64, limit: i64): usize {
  let steps: usize;
  do {
    steps = <usize>(time - load<i64>(at) >= limit) + <usize>(time - load<i64>(at, 8) >= limit)
      + <usize>(time - load<i64>(at, 16) >= limit) + <usize>(time - load<i64>(at, 24) >= limit);
    at += steps << 3;
  } while (steps == 4);
  return at;
}

/** Four times behind the end of a list that no pointer passes. A list has room for them. */
// @ts-ignore: decorator
@inline
export function closeList(endAt: usize, latest: i64): void {
  const never = latest < (<i64>1 << 62) ? latest + (<i64>1 << 61) : i64.MAX_VALUE;
  store<i64>(endAt, never);
  store<i64>(endAt, never, 8);
  store<i64>(endAt, never, 16);
  store<i64>(endAt, never, 24);
}

/** Adds the pairs of one channel with itself: at +d and, where the range goes below zero, at -d; equal times once. */
export function pairsAuto(timesAt: usize, n: u32, old: u32, planAt: usize, countsAt: usize): void {
  if (isNarrow(planAt)) auto(timesAt, n, old, planAt, countsAt, true);
  else auto(timesAt, n, old, planAt, countsAt, false);
}

// @ts-ignore: decorator
@inline
function auto(timesAt: usize, n: u32, old: u32, planAt: usize, countsAt: usize, narrow: bool): void {
  const width = widthOf(planAt), ahead = aheadOf(planAt), behind = behindOf(planAt);
  const reach = max(ahead, behind);
  const shift = narrow ? shiftOf(<u32>width) : 0, reciprocal = narrow ? reciprocalOf(<u32>width, shift) : 0;
  const zeroAt = countsAt + (<usize>belowOf(planAt) << 3);
  const end = timesAt + (<usize>n << 3);
  let firstAt = timesAt;
  for (let laterAt = timesAt + (<usize>old << 3); laterAt < end; laterAt += 8) {
    const time = load<i64>(laterAt);
    while (firstAt < laterAt && time - load<i64>(firstAt) >= reach) firstAt += 8;
    for (let at = firstAt; at < laterAt; at += 8) {
      const delay = time - load<i64>(at);
      if (delay < ahead) countAt(zeroAt + (<usize>quotient(delay, narrow, reciprocal, shift, width) << 3));
      if (delay > 0 && delay < behind) {
        countAt(zeroAt - (<usize>quotient(delay + <i64>width - 1, narrow, reciprocal, shift, width) << 3));
      }
    }
  }
}
