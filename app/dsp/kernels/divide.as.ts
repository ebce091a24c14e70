// dsp/kernels/divide.as.ts - whole delays by the bin width, exactly.
//
// Below 2^31 a multiplication and a shift give the same as a division: with 2^(s-31) >= width, m = ceil(2^s / width) is too
// large by r < width, and delay * r < 2^s keeps the error below one step. Above that a double divides: exact below 2^53, since
// no quotient of whole numbers in that range lies closer to the next whole number than the rounding reaches.

/** Shift s for `reciprocal`. */
export function shiftOf(width: u32): u64 {
  return width == 1 ? 31 : 63 - clz<u32>(width - 1);
}

/** ceil(2^shift / width); fits 33 bits. */
export function reciprocalOf(width: u32, shift: u64): u64 {
  return ((<u64>1 << shift) + width - 1) / width;
}

/** delay / width; `narrow` is a literal at every call, so that one of the two ways is compiled in. */
// @ts-ignore: decorator
@inline
export function quotient(delay: i64, narrow: bool, reciprocal: u64, shift: u64, width: f64): u32 {
  return narrow ? <u32>((<u64>delay * reciprocal) >> shift) : <u32>(<f64>delay / width);
}
