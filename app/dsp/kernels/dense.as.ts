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
  let firstAt = startsAt, pastAt = startsAt;
  for (let clickAt = clicksAt; clickAt < clicksEnd; clickAt += 8) {
    const time = load<i64>(clickAt);
    while (firstAt < startsEnd && time - load<i64>(firstAt) >= ahead) firstAt += 8;
    if (pastAt < firstAt) pastAt = firstAt;
    while (pastAt < startsEnd && time - load<i64>(pastAt) >= lowest) pastAt += 8;
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
