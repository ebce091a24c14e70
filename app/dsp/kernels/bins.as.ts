// dsp/kernels/bins.as.ts - u64 bins of results: added up off the data path, and asked for their largest.

/** u64[n] at `intoAt` += u64[n] at `fromAt`; then zeroes `fromAt`. */
export function addBins(intoAt: usize, fromAt: usize, n: u32): void {
  const bytes = <usize>n << 3;
  let at: usize = 0;
  for (; at + 16 <= bytes; at += 16) {
    v128.store(intoAt + at, i64x2.add(v128.load(intoAt + at), v128.load(fromAt + at)));
  }
  if (at < bytes) store<u64>(intoAt + at, load<u64>(intoAt + at) + load<u64>(fromAt + at));
  memory.fill(fromAt, 0, bytes);
}

/** Largest u64 of n, as a double rounded up. */
export function largestBin(at: usize, n: u32): f64 {
  let largest: u64 = 0;
  for (let i: u32 = 0; i < n; i++) largest = max(largest, load<u64>(at + (<usize>i << 3)));
  const rounded = <f64>largest;
  return largest > <u64>1 << 53 && <u64>rounded < largest ? reinterpret<f64>(reinterpret<u64>(rounded) + 1) : rounded;
}
