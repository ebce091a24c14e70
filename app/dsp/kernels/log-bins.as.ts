// dsp/kernels/log-bins.as.ts - pairs of two lists of times into bins of growing width, up to delays that hold many thousand tags.
//
// Far edges are counted and not pairs: each edge has a pointer that moves through the starts as clicks go by, and the sum of its
// places is how many pairs are at least that far apart; a bin is the difference of two such sums. Near delays, where few starts
// lie between two edges, are binned one by one. Pointers stay where they are from call to call.
import { closeList, passed } from './dense.as';
import { countAt } from './plan.as';

// The plan, as log-bins-layout.ts writes it.
const far: usize = 4; // u32, first edge that is counted by a pointer
const nearLimit: usize = 8; // i64
const nearFirst: usize = 16; // u32, place of the first start that is less than nearLimit before a click
const nearPast: usize = 20; // u32, place of the first start that is less than the lowest edge before it
const cells: usize = 64; // u16[512]
const edges: usize = 1088; // i64 edge and u32 place, 16 bytes each

/**
 * Adds pairs of new clicks with the starts before them. `removed` starts left the list in front since the last call; it has room
 * for four more.
 */
export function pairsLog(clicksAt: usize, clicks: u32, startsAt: usize, starts: u32, removed: u32, planAt: usize, countsAt: usize): void {
  if (!clicks) return shift(removed, planAt);
  const bins = load<u32>(planAt), endAt = clicksAt + (<usize>clicks << 3), startsEnd = startsAt + (<usize>starts << 3);
  let latest = load<i64>(endAt - 8);
  if (starts) latest = max(latest, load<i64>(startsEnd - 8));
  closeList(startsEnd, latest);
  near(clicksAt, endAt, startsAt, removed, planAt, countsAt);

  if (load<u32>(planAt, far) == bins) return;
  let before: u64 = 0;
  for (let k = load<u32>(planAt, far); k <= bins; k += 4) {
    // Beyond the last edge the last one is moved again, and its sum thrown away.
    const a = edgeAt(planAt, k), b = edgeAt(planAt, min(k + 1, bins)), c = edgeAt(planAt, min(k + 2, bins)), d = edgeAt(planAt, min(k + 3, bins));
    const edgeA = load<i64>(a), edgeB = load<i64>(b), edgeC = load<i64>(c), edgeD = load<i64>(d);
    let atA = placeOf(a, startsAt, removed), atB = placeOf(b, startsAt, removed), atC = placeOf(c, startsAt, removed), atD = placeOf(d, startsAt, removed);
    let sumA: u64 = 0, sumB: u64 = 0, sumC: u64 = 0, sumD: u64 = 0;
    for (let at = clicksAt; at < endAt; at += 8) {
      const time = load<i64>(at);
      atA = passed(atA, time, edgeA), atB = passed(atB, time, edgeB), atC = passed(atC, time, edgeC), atD = passed(atD, time, edgeD);
      sumA += <u64>(atA - startsAt), sumB += <u64>(atB - startsAt), sumC += <u64>(atC - startsAt), sumD += <u64>(atD - startsAt);
    }
    store<u32>(a, <u32>((atA - startsAt) >> 3), 8);
    if (k + 1 <= bins) store<u32>(b, <u32>((atB - startsAt) >> 3), 8);
    if (k + 2 <= bins) store<u32>(c, <u32>((atC - startsAt) >> 3), 8);
    if (k + 3 <= bins) store<u32>(d, <u32>((atD - startsAt) >> 3), 8);
    if (k > load<u32>(planAt, far)) addTo(countsAt, k - 1, before - sumA);
    if (k + 1 <= bins) addTo(countsAt, k, sumA - sumB);
    if (k + 2 <= bins) addTo(countsAt, k + 1, sumB - sumC);
    if (k + 3 <= bins) addTo(countsAt, k + 2, sumC - sumD);
    before = sumD;
  }
}

/** Nothing but starts that left. */
function shift(removed: u32, planAt: usize): void {
  store<u32>(planAt, less(load<u32>(planAt, nearFirst), removed), nearFirst);
  store<u32>(planAt, less(load<u32>(planAt, nearPast), removed), nearPast);
  for (let k = load<u32>(planAt, far); k <= load<u32>(planAt); k++) store<u32>(edgeAt(planAt, k), less(load<u32>(edgeAt(planAt, k), 8), removed), 8);
}

// @ts-ignore: decorator
@inline
function less(place: u32, removed: u32): u32 { return place - min(place, removed); }

function near(clicksAt: usize, endAt: usize, startsAt: usize, removed: u32, planAt: usize, countsAt: usize): void {
  if (load<u32>(planAt, far) == 0) return;
  const limit = load<i64>(planAt, nearLimit), lowest = load<i64>(planAt, edges);
  let firstAt = startsAt + (<usize>less(load<u32>(planAt, nearFirst), removed) << 3);
  let pastAt = startsAt + (<usize>less(load<u32>(planAt, nearPast), removed) << 3);
  for (let clickAt = clicksAt; clickAt < endAt; clickAt += 8) {
    const time = load<i64>(clickAt);
    firstAt = passed(firstAt, time, limit);
    pastAt = passed(max(pastAt, firstAt), time, lowest);
    for (let at = firstAt; at < pastAt; at += 8) {
      const delay = <u32>(time - load<i64>(at)), octave = 28 - min(clz(delay), 28);
      const cell = (octave << 4) + (delay >> (octave - <u32>(octave > 0)) & 15);
      let bin = <u32>load<u16>(planAt + (<usize>cell << 1), cells);
      while (<i64>delay >= load<i64>(edgeAt(planAt, bin + 1))) bin++;
      countAt(countsAt + (<usize>bin << 3));
    }
  }
  store<u32>(planAt, <u32>((firstAt - startsAt) >> 3), nearFirst);
  store<u32>(planAt, <u32>((pastAt - startsAt) >> 3), nearPast);
}

// @ts-ignore: decorator
@inline
function edgeAt(planAt: usize, k: u32): usize { return planAt + edges + (<usize>k << 4); }

// @ts-ignore: decorator
@inline
function placeOf(edge: usize, startsAt: usize, removed: u32): usize { return startsAt + (<usize>less(load<u32>(edge, 8), removed) << 3); }

/** The sums are of addresses, eight times as large as those of places. */
// @ts-ignore: decorator
@inline
function addTo(countsAt: usize, bin: u32, eightfold: u64): void {
  const at = countsAt + (<usize>bin << 3);
  store<u64>(at, load<u64>(at) + (eightfold >> 3));
}
