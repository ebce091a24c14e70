// dsp/kernels/pixels.as.ts - delays into the histogram of the pixel that markers choose, frame by frame.
//
// A pixel is [begin, end): its end is the next end, pixel or frame marker behind its begin. Of markers at one time an end acts
// first, then a frame, then a begin; clicks of that time come after them. A time at which something may still come is held over to the
// next call. A click counts where it lies, whatever pixel its start was in.
import { closeList, passed } from './dense.as';
import { quotient, reciprocalOf, shiftOf } from './divide.as';
import { countAt } from './plan.as';

// The plan, as pixels-layout.ts writes it.
const bins: usize = 0; // u32
const pixels: usize = 4; // u32
const widthPs: usize = 8; // f64
const hasFrame: usize = 16; // u32
const position: usize = 24; // i32, pixel of the frame that began last; -1 before the first
const inPixel: usize = 28; // u32
const isOpen: usize = 32; // u32, a frame is under way
const isStale: usize = 36; // u32, the frame in memory is to be zeroed when the next one begins
const broken: usize = 40; // u32, frames that another one broke off
const held: usize = 44; // u32, markers at `heldTime`: 1 begin, 2 end, 4 frame
const heldTime: usize = 48; // i64
const heldClicks: usize = 56; // u64, clicks at `heldTime`
const pixelBegan: usize = 64; // i64
const frameBegan: usize = 72; // i64
const completed: usize = 80; // i64, when the last frame was complete
// Lists of this call as u32 addresses; each moves on.
const clicks: usize = 96, clicksEnd: usize = 100, starts: usize = 104, startsEnd: usize = 108, past: usize = 112;
const begins: usize = 116, beginsEnd: usize = 120, ends: usize = 124, endsEnd: usize = 128, frames: usize = 132, framesEnd: usize = 136;
const until: usize = 144; // i64, everything before it was seen
const covered: usize = 152; // i64, live time reaches to here

/**
 * Takes the lists of the plan into the frame at `frameAt`. Returns 1 when that is complete, to be called again with the lists as they
 * are and an empty frame; otherwise 0. Of starts and clicks, each list has room for 4 more.
 */
export function countPixels(planAt: usize, frameAt: usize): u32 {
  const limit = load<i64>(planAt, until);
  // No start is later than the limit.
  closeList(<usize>load<u32>(planAt, startsEnd), limit);
  const isNarrow = <f64>load<u32>(planAt, bins) * load<f64>(planAt, widthPs) < 2147483648.0;
  for (;;) {
    const time = nextMark(planAt, limit);
    if (isNarrow) take(time, planAt, frameAt, true);
    else take(time, planAt, frameAt, false);
    if (time == limit) break;
    if (step(time, marksAt(time, planAt), planAt, frameAt)) return 1;
  }
  hold(limit, planAt);
  if (load<u32>(planAt, inPixel)) cover(load<i64>(planAt, covered), planAt, frameAt);
  return 0;
}

/** The earliest marker before `limit`, or `limit`. */
function nextMark(planAt: usize, limit: i64): i64 {
  let time = limit;
  if (load<u32>(planAt, held)) time = min(time, load<i64>(planAt, heldTime));
  time = earlier(planAt, begins, time);
  time = earlier(planAt, ends, time);
  return earlier(planAt, frames, time);
}

// @ts-ignore: decorator
@inline
function earlier(planAt: usize, list: usize, time: i64): i64 {
  const at = <usize>load<u32>(planAt + list);
  return at < <usize>load<u32>(planAt + list + 4) ? min(time, load<i64>(at)) : time;
}

/** Which markers are at `time`; they are taken off their lists. */
function marksAt(time: i64, planAt: usize): u32 {
  let marks: u32 = 0;
  if (load<i64>(planAt, heldTime) == time) {
    marks = load<u32>(planAt, held);
    store<u32>(planAt, 0, held);
  }
  if (takeMarks(planAt, begins, time)) marks |= 1;
  if (takeMarks(planAt, ends, time)) marks |= 2;
  if (takeMarks(planAt, frames, time)) marks |= 4;
  return marks;
}

// @ts-ignore: decorator
@inline
function takeMarks(planAt: usize, list: usize, time: i64): bool {
  const firstAt = <usize>load<u32>(planAt + list), endAt = <usize>load<u32>(planAt + list + 4);
  let at = firstAt;
  while (at < endAt && load<i64>(at) == time) at += 8;
  store<u32>(planAt + list, <u32>at);
  return at > firstAt;
}

/** Clicks before `limit`: into the open pixel, or past it. */
// @ts-ignore: decorator
@inline
function take(limit: i64, planAt: usize, frameAt: usize, narrow: bool): void {
  const endAt = <usize>load<u32>(planAt, clicksEnd), isIn = load<u32>(planAt, inPixel) != 0;
  let clickAt = <usize>load<u32>(planAt, clicks), firstAt = <usize>load<u32>(planAt, starts), pastAt = <usize>load<u32>(planAt, past);
  const repeats = load<u64>(planAt, heldClicks) && load<i64>(planAt, heldTime) < limit ? load<u64>(planAt, heldClicks) : 0;
  if (isIn) {
    const width = load<f64>(planAt, widthPs), binCount = load<u32>(planAt, bins), reach = <i64>width * binCount;
    const shift = narrow ? shiftOf(<u32>width) : 0, reciprocal = narrow ? reciprocalOf(<u32>width, shift) : 0;
    const rowAt = frameAt + (<usize>load<u32>(planAt, position) * binCount << 3);
    if (repeats) {
      const time = load<i64>(planAt, heldTime);
      firstAt = passed(firstAt, time, reach);
      pastAt = passed(max(pastAt, firstAt), time, 0);
      for (let at = firstAt; at < pastAt; at += 8) {
        const cellAt = rowAt + (<usize>quotient(time - load<i64>(at), narrow, reciprocal, shift, width) << 3);
        store<u64>(cellAt, load<u64>(cellAt) + repeats);
      }
    }
    for (; clickAt < endAt; clickAt += 8) {
      const time = load<i64>(clickAt);
      if (time >= limit) break;
      firstAt = passed(firstAt, time, reach);
      pastAt = passed(max(pastAt, firstAt), time, 0);
      for (let at = firstAt; at < pastAt; at += 8) {
        countAt(rowAt + (<usize>quotient(time - load<i64>(at), narrow, reciprocal, shift, width) << 3));
      }
    }
    store<u32>(planAt, <u32>firstAt, starts);
    store<u32>(planAt, <u32>pastAt, past);
  } else while (clickAt < endAt && load<i64>(clickAt) < limit) clickAt += 8;
  if (repeats) store<u64>(planAt, 0, heldClicks);
  store<u32>(planAt, <u32>clickAt, clicks);
}

/** Lets all markers of one time act; true when they complete a frame, and what is to be done behind it is held. */
function step(time: i64, marks: u32, planAt: usize, frameAt: usize): bool {
  if (load<u32>(planAt, inPixel)) {
    cover(time, planAt, frameAt);
    store<u32>(planAt, 0, inPixel);
    if (load<u32>(planAt, position) == load<u32>(planAt, pixels) - 1) {
      store<u32>(planAt, 0, isOpen);
      store<i32>(planAt, -1, position);
      store<i64>(planAt, time, completed);
      store<u32>(planAt, marks & 5, held);
      // Clicks that were held are earlier, so they have been counted.
      store<i64>(planAt, time, heldTime);
      return true;
    }
  }
  const hasFrames = load<u32>(planAt, hasFrame) != 0;
  if (marks & 4) {
    if (load<u32>(planAt, isOpen) && load<i32>(planAt, position) >= 0) {
      store<u32>(planAt, load<u32>(planAt, broken) + 1, broken);
      store<u32>(planAt, 1, isStale);
    }
    open(time, planAt, frameAt);
  }
  if (marks & 1) {
    if (!hasFrames && !load<u32>(planAt, isOpen)) open(time, planAt, frameAt);
    if (load<u32>(planAt, isOpen)) {
      store<i32>(planAt, load<i32>(planAt, position) + 1, position);
      store<u32>(planAt, 1, inPixel);
      store<i64>(planAt, time, pixelBegan);
      const pixelCount = <usize>load<u32>(planAt, pixels);
      store<i64>(recordAt(planAt, frameAt) + (pixelCount << 3), time - load<i64>(planAt, frameBegan));
      cover(time, planAt, frameAt);
    }
  }
  return false;
}

function open(time: i64, planAt: usize, frameAt: usize): void {
  if (load<u32>(planAt, isStale)) {
    memory.fill(frameAt, 0, <usize>load<u32>(planAt, pixels) * (load<u32>(planAt, bins) + 3) << 3);
    store<u32>(planAt, 0, isStale);
  }
  store<u32>(planAt, 1, isOpen);
  store<i32>(planAt, -1, position);
  store<i64>(planAt, time, frameBegan);
}

/** The open pixel was seen up to `time`. */
function cover(time: i64, planAt: usize, frameAt: usize): void {
  const at = recordAt(planAt, frameAt), column = <usize>load<u32>(planAt, pixels) << 3;
  store<i64>(at, time - load<i64>(planAt, pixelBegan));
  store<i64>(at + 2 * column, time - load<i64>(planAt, frameBegan));
}

/** Live time of the last pixel; its begin and its end lie one and two columns further. */
// @ts-ignore: decorator
@inline
function recordAt(planAt: usize, frameAt: usize): usize {
  return frameAt + (<usize>load<u32>(planAt, pixels) * load<u32>(planAt, bins) + load<u32>(planAt, position) << 3);
}

/** What lies at `limit` may not be all there is of that time. */
function hold(limit: i64, planAt: usize): void {
  const rest = (load<u32>(planAt, clicksEnd) - load<u32>(planAt, clicks)) >> 3;
  store<i64>(planAt, limit, heldTime);
  store<u64>(planAt, load<u64>(planAt, heldClicks) + rest, heldClicks);
  store<u32>(planAt, load<u32>(planAt, held) | marksAt(limit, planAt), held);
}
