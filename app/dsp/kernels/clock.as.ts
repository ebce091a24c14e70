// dsp/kernels/clock.as.ts - a software phase-locked loop: tags of one channel become the time base of all.
//
// The loop is a line fitted to the clock tags: their least squares at first (weights of an expanding memory), a fading memory once
// it is full. Stops wherever the lock is won or lost, because the stream is marked there.

// The plan, as layouts.ts writes it.
const phase: usize = 0, phaseRest: usize = 8, out: usize = 16, outRest: usize = 24, period: usize = 32, nominal: usize = 40, periods: usize = 48, most: usize = 56;
const lockAfter: usize = 64, offset: usize = 72, lastIn: usize = 80, lastOut: usize = 88, error: usize = 96, channelAt: usize = 104, locked: usize = 108;

/** Rescales tags in place. Returns how many are done: fewer than n in front of the tag that lost the lock, or behind the one that won it. */
export function followClock(timesAt: usize, channelsAt: usize, n: u32, planAt: usize): u32 {
  const clock = load<u32>(planAt, channelAt);
  const ideal = load<f64>(planAt, nominal);
  for (let i: u32 = 0; i < n; i++) {
    const at = timesAt + (<usize>i << 3);
    const time = load<i64>(at);
    const isClock = <u32>load<u8>(channelsAt + i) == clock;
    const isLocked = load<u32>(planAt, locked) != 0;
    if (isLocked || isClock) {
      const length = load<f64>(planAt, period);
      const since = <f64>(time - load<i64>(planAt, phase)) - load<f64>(planAt, phaseRest);
      const isBack = time - load<i64>(planAt, lastIn) < 0;
      const isWrong = isBack || (isClock ? abs(since - length) > length * 0.25 : since > length * 1.5);
      if (isLocked && isWrong) {
        store<u32>(planAt, 0, locked);
        store<f64>(planAt, 0, periods);
        store<i64>(planAt, load<i64>(planAt, lastOut) - load<i64>(planAt, lastIn), offset);
        return i;
      }
      if (isClock) {
        if (isWrong || load<f64>(planAt, periods) == 0) start(planAt, time);
        else step(planAt, since - length, length);
        if (!isLocked && load<f64>(planAt, periods) >= load<f64>(planAt, lockAfter)) {
          store<i64>(planAt, load<i64>(planAt, phase) + load<i64>(planAt, offset), out);
          store<f64>(planAt, load<f64>(planAt, phaseRest), outRest);
          store<u32>(planAt, 1, locked);
          scale(planAt, at, time, ideal);
          return i + 1;
        }
      }
    }
    if (isLocked) scale(planAt, at, time, ideal);
    else {
      const moved = time + load<i64>(planAt, offset);
      store<i64>(at, moved);
      store<i64>(planAt, time, lastIn);
      store<i64>(planAt, moved, lastOut);
    }
  }
  return n;
}

/** The first clock tag, or one that does not fit those before it. */
function start(planAt: usize, time: i64): void {
  store<i64>(planAt, time, phase);
  store<f64>(planAt, 0, phaseRest);
  store<f64>(planAt, load<f64>(planAt, nominal), period);
  store<f64>(planAt, 1, periods);
  store<f64>(planAt, 0, error);
}

/** One more clock tag, `late` ps behind its place. */
function step(planAt: usize, late: f64, length: f64): void {
  const count = min(load<f64>(planAt, periods) + 1, load<f64>(planAt, most));
  const weight = count * (count + 1);
  advance(planAt + phase, length + late * ((4 * count - 2) / weight));
  advance(planAt + out, load<f64>(planAt, nominal));
  store<f64>(planAt, length + late * (6 / weight), period);
  store<f64>(planAt, count, periods);
  store<f64>(planAt, late, error);
}

/** An i64 and the rest of it behind, f64 in [0, 1). */
function advance(at: usize, byPs: f64): void {
  const sum = load<f64>(at, 8) + byPs;
  const whole = floor(sum);
  store<i64>(at, load<i64>(at) + <i64>whole);
  store<f64>(at, sum - whole, 8);
}

/** Never in front of the tag before: the loop's own steps are far below its jitter, but they can round backwards. */
// @ts-ignore: decorator
@inline
function scale(planAt: usize, at: usize, time: i64, ideal: f64): void {
  const since = <f64>(time - load<i64>(planAt, phase)) - load<f64>(planAt, phaseRest);
  const ratio = ideal / load<f64>(planAt, period);
  const scaled = load<i64>(planAt, out) + <i64>floor(load<f64>(planAt, outRest) + since * ratio + 0.5);
  const before = load<i64>(planAt, lastOut);
  const moved = scaled - before < 0 ? before : scaled;
  store<i64>(at, moved);
  store<i64>(planAt, time, lastIn);
  store<i64>(planAt, moved, lastOut);
}
