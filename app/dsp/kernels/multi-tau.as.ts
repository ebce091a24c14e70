// dsp/kernels/multi-tau.as.ts - pairs at long delays by products of counts in bins that grow with the delay.
//
// See multi-tau-layout.ts for the two grids. A page of 1024 bins goes through the first six octaves with 16-bit products, eight
// at a time; what is left, bins of 8 us and longer, is pushed from octave to octave, two bins of one making one of the next.

// The state, as multi-tau-layout.ts writes it.
const octaves: usize = 0; // u32
const isOpen: usize = 4; // u32, a page is open
const page: usize = 8; // i64, where it begins
const tags: usize = 16; // u32, own tags in it
const click: usize = 20; // u32
const dropped: usize = 24; // f64
const start: usize = 32; // u32
const binOf: usize = 64; // u32[octaves][8]
const high: usize = 1088; // per octave u32[16] ring, u32 last half, held clicks, held starts, index; 128 bytes each
const clicks: usize = 5184; // u16[1024]
const halves: usize = 9344; // u16[2048], the half before in front
const lanes: usize = 17600; // per dense octave u16[16 + 1024], 4224 bytes each
const lasts: usize = 42944; // u16[6], last half of each dense octave

// @ts-ignore: decorator
@inline
const pageBits: u32 = 27;
// @ts-ignore: decorator
@inline
const dense: u32 = 6;

/** Takes n tags in and counts every page that ends by the i64 at `untilAt`. The first page begins with the i64 at `fromAt`. */
export function multiTau(timesAt: usize, channelsAt: usize, n: u32, fromAt: usize, untilAt: usize, planAt: usize, countsAt: usize): void {
  if (!load<u32>(planAt, isOpen)) {
    store<i64>(planAt, load<i64>(fromAt), page);
    store<u32>(planAt, 1, isOpen);
  }
  const own = load<u32>(planAt, click), other = load<u32>(planAt, start);
  let begin = load<i64>(planAt, page), end = begin + (1 << pageBits);
  for (let i: u32 = 0; i < n; i++) {
    const time = load<i64>(timesAt + (<usize>i << 3)), channel = <u32>load<u8>(channelsAt + i);
    if (time >= end) {
      begin = advance(time, planAt, countsAt);
      end = begin + (1 << pageBits);
    }
    const half = <usize>(time - begin) >> 16;
    const clickAt = planAt + clicks + (half >> 1 << 1), halfAt = planAt + halves + (half << 1);
    const isClick = <u32>(channel == own), isStart = <u32>(channel == other);
    const newClicks = <u32>load<u16>(clickAt) + isClick, newStarts = <u32>load<u16>(halfAt) + isStart;
    if (newClicks > 255 || newStarts > 127) {
      store<f64>(planAt, load<f64>(planAt, dropped) + 1, dropped);
      continue;
    }
    store<u16>(clickAt, <u16>newClicks);
    store<u16>(halfAt, <u16>newStarts);
    store<u32>(planAt, load<u32>(planAt, tags) + (isClick | isStart), tags);
  }
  if (load<i64>(untilAt) >= end) advance(load<i64>(untilAt), planAt, countsAt);
}

/** Counts what is open in every octave, as if nothing came any more, and begins anew. */
export function multiTauEnd(planAt: usize, countsAt: usize): void {
  countPage(planAt, countsAt);
  for (let octave = dense; octave + 1 < load<u32>(planAt, octaves); octave++) {
    const at = highAt(planAt, octave);
    if (load<u32>(at, 76) & 1) push(octave + 1, load<u32>(at, 68), load<u32>(at, 72), 0, planAt, countsAt);
  }
  memory.fill(planAt + high, 0, clicks - high);
  memory.fill(planAt + lanes, 0, lasts + 16 - lanes);
  store<u32>(planAt, 0, isOpen);
}

/**
 * Counts pages until the one that holds `time` is open; returns where that begins. Once a silence has emptied every octave, pages
 * are left out in multiples of two of the longest bins, so that the grids stay where they were.
 */
function advance(time: i64, planAt: usize, countsAt: usize): i64 {
  let begin = load<i64>(planAt, page);
  const longest: i64 = <i64>1 << (max(load<u32>(planAt, octaves), 11) - 11), silent = 18 * longest + 2; // in pages
  for (let counted: i64 = 0; time - begin >= 1 << pageBits; counted++) {
    if (counted == silent) begin += (((time - begin) >> pageBits) / (2 * longest) * (2 * longest)) << pageBits;
    if (time - begin < 1 << pageBits) break;
    countPage(planAt, countsAt);
    begin += 1 << pageBits;
  }
  store<i64>(planAt, begin, page);
  return begin;
}

function countPage(planAt: usize, countsAt: usize): void {
  const all = load<u32>(planAt, octaves), clicksAt = planAt + clicks, halvesAt = planAt + halves, isEmpty = load<u32>(planAt, tags) == 0;
  let bins: usize = 1024;
  for (let octave: u32 = 0; octave < min(all, dense); octave++, bins >>= 1) {
    const laneAt = planAt + lanes + <usize>octave * 4224, lastAt = planAt + lasts + (<usize>octave << 1);
    v128.store(laneAt, v128.load(laneAt + (bins << 1)));
    v128.store(laneAt, v128.load(laneAt + (bins << 1), 16), 16);
    if (isEmpty) {
      memory.fill(laneAt + 32, 0, bins << 1);
      store<u16>(laneAt + 32, load<u16>(lastAt));
      store<u16>(lastAt, 0);
      continue;
    }
    store<u16>(halvesAt - 2, load<u16>(lastAt));
    store<u16>(lastAt, load<u16>(halvesAt + (bins << 2) - 2));
    for (let at: usize = 0; at < bins << 1; at += 16) v128.store(laneAt + 32 + at, paired(halvesAt - 2 + (at << 1)));
    products(clicksAt, laneAt + 32, bins << 1, planAt + binOf + (<usize>octave << 5), countsAt);
    for (let at: usize = 0; at < bins; at += 16) v128.store(clicksAt + at, paired(clicksAt + (at << 1)));
    for (let at: usize = 0; at < bins << 1; at += 16) v128.store(halvesAt + at, paired(halvesAt + (at << 1)));
  }
  if (all > dense) {
    for (let i: usize = 0; i < 16; i++) {
      push(dense, load<u16>(clicksAt + (i << 1)), load<u16>(halvesAt + (i << 2)), load<u16>(halvesAt + (i << 2), 2), planAt, countsAt);
    }
  }
  if (isEmpty) return;
  memory.fill(clicksAt, 0, 2048);
  memory.fill(halvesAt - 2, 0, 4098);
  store<u32>(planAt, 0, tags);
}

/** Sums of neighbours: eight out of sixteen. */
// @ts-ignore: decorator
@inline
function paired(at: usize): v128 {
  return i16x8.narrow_i32x4_s(i32x4.extadd_pairwise_i16x8_s(v128.load(at)), i32x4.extadd_pairwise_i16x8_s(v128.load(at, 16)));
}

/** Sums of clicks[i] * starts[i - k], k = 8 to 15. */
function products(clicksAt: usize, startsAt: usize, bytes: usize, binOfAt: usize, countsAt: usize): void {
  let a = i32x4.splat(0), b = i32x4.splat(0), c = i32x4.splat(0), d = i32x4.splat(0);
  let e = i32x4.splat(0), f = i32x4.splat(0), g = i32x4.splat(0), h = i32x4.splat(0);
  for (let i: usize = 0; i < bytes; i += 16) {
    const own = v128.load(clicksAt + i), at = startsAt + i - 30;
    a = i32x4.add(a, i32x4.dot_i16x8_s(own, v128.load(at, 14)));
    b = i32x4.add(b, i32x4.dot_i16x8_s(own, v128.load(at, 12)));
    c = i32x4.add(c, i32x4.dot_i16x8_s(own, v128.load(at, 10)));
    d = i32x4.add(d, i32x4.dot_i16x8_s(own, v128.load(at, 8)));
    e = i32x4.add(e, i32x4.dot_i16x8_s(own, v128.load(at, 6)));
    f = i32x4.add(f, i32x4.dot_i16x8_s(own, v128.load(at, 4)));
    g = i32x4.add(g, i32x4.dot_i16x8_s(own, v128.load(at, 2)));
    h = i32x4.add(h, i32x4.dot_i16x8_s(own, v128.load(at)));
  }
  addTo(binOfAt, countsAt, sumOf(a));
  addTo(binOfAt + 4, countsAt, sumOf(b));
  addTo(binOfAt + 8, countsAt, sumOf(c));
  addTo(binOfAt + 12, countsAt, sumOf(d));
  addTo(binOfAt + 16, countsAt, sumOf(e));
  addTo(binOfAt + 20, countsAt, sumOf(f));
  addTo(binOfAt + 24, countsAt, sumOf(g));
  addTo(binOfAt + 28, countsAt, sumOf(h));
}

// @ts-ignore: decorator
@inline
function sumOf(v: v128): u64 {
  return <u64>(i32x4.extract_lane(v, 0) + i32x4.extract_lane(v, 1) + i32x4.extract_lane(v, 2) + i32x4.extract_lane(v, 3));
}

// @ts-ignore: decorator
@inline
function addTo(binOfAt: usize, countsAt: usize, pairs: u64): void {
  const bin = load<u32>(binOfAt);
  if (bin == u32.MAX_VALUE) return;
  const at = countsAt + (<usize>bin << 3);
  store<u64>(at, load<u64>(at) + pairs);
}

// @ts-ignore: decorator
@inline
function highAt(planAt: usize, octave: u32): usize { return planAt + high + (<usize>octave << 7); }

/** One more bin of a high octave: its clicks and the two halves of its starts. */
function push(octave: u32, newClicks: u32, first: u32, second: u32, planAt: usize, countsAt: usize): void {
  for (;;) {
    const at = highAt(planAt, octave), index = load<u32>(at, 76);
    store<u32>(at + (<usize>(index & 15) << 2), load<u32>(at, 64) + first);
    store<u32>(at, second, 64);
    store<u32>(at, index + 1, 76);
    if (newClicks) {
      const binOfAt = planAt + binOf + (<usize>octave << 5);
      for (let k: u32 = 8; k < 16; k++) addTo(binOfAt + (<usize>(k - 8) << 2), countsAt, <u64>newClicks * <u64>load<u32>(at + (<usize>(index - k & 15) << 2)));
    }
    if (octave + 1 == load<u32>(planAt, octaves)) return;
    if (!(index & 1)) {
      store<u32>(at, newClicks, 68);
      store<u32>(at, first + second, 72);
      return;
    }
    newClicks += load<u32>(at, 68);
    second += first;
    first = load<u32>(at, 72);
    octave++;
  }
}
