// dsp/kernels/descent.as.ts - the order check: where does time go backwards?

/** Index of the first tag that is earlier than the tag before it, or `n`; tag 0 is compared with the i64 at `previousAt`. */
export function firstDescent(timesAt: usize, n: u32, previousAt: usize): u32 {
  if (n == 0) return 0;
  if (load<i64>(timesAt) < load<i64>(previousAt)) return 0;
  let i: u32 = 1;
  for (; i + 8 <= n; i += 8) {
    const at = timesAt + (<usize>i << 3);
    const first = v128.or(descends(at), descends(at + 16));
    const second = v128.or(descends(at + 32), descends(at + 48));
    if (v128.any_true(v128.or(first, second))) break;
  }
  for (; i < n; i++) {
    const at = timesAt + (<usize>i << 3);
    if (load<i64>(at) < load<i64>(at - 8)) return i;
  }
  return n;
}

// @ts-ignore: decorator
@inline
function descends(at: usize): v128 {
  return i64x2.lt_s(v128.load(at), v128.load(at - 8));
}
