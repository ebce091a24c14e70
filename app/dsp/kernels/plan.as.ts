// dsp/kernels/plan.as.ts - what a pair kernel looks for, as layouts.ts writes it.
//
// d = t(click) - t(start) counts in [-below * width, (bins - below) * width). Seen from the later tag of a pair the range has
// two reaches, both exclusive: `ahead` when the later one is the click (d >= 0), `behind` when it is the start (d <= 0).

// @ts-ignore: decorator
@inline
export function clickOf(planAt: usize): u32 { return load<u32>(planAt); }
// @ts-ignore: decorator
@inline
export function startOf(planAt: usize): u32 { return load<u32>(planAt, 4); }
// @ts-ignore: decorator
@inline
export function belowOf(planAt: usize): u32 { return load<u32>(planAt, 8); }
// @ts-ignore: decorator
@inline
export function widthOf(planAt: usize): f64 { return load<f64>(planAt, 16); }
// @ts-ignore: decorator
@inline
export function aheadOf(planAt: usize): i64 { return <i64>widthOf(planAt) * (load<u32>(planAt, 12) - belowOf(planAt)); }
// @ts-ignore: decorator
@inline
export function behindOf(planAt: usize): i64 { return <i64>widthOf(planAt) * belowOf(planAt) + 1; }

/** May delays be divided by multiplication? Those of the lower side are rounded up by less than one width first. */
export function isNarrow(planAt: usize): bool {
  return max(aheadOf(planAt), behindOf(planAt)) + <i64>widthOf(planAt) < <i64>1 << 31;
}

// @ts-ignore: decorator
@inline
export function countAt(at: usize): void { store<u64>(at, load<u64>(at) + 1); }
