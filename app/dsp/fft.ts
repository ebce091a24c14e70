// dsp/fft.ts - fast Fourier transform, and the spectral density of a series by Welch's method.

/**
 * Transforms in place; the length is a power of two.
 *
 * @see Cooley, Tukey, Math. Comput. 19, 297 (1965)
 */
export function transform(real: Float64Array, imaginary: Float64Array): void {
  const n = real.length;
  for (let i = 1, j = 0; i < n; i++) {
    let bit = n >> 1;
    for (; (j & bit) > 0; bit >>= 1) j ^= bit;
    j |= bit;
    if (i >= j) continue;
    [real[i], real[j]] = [real[j]!, real[i]!];
    [imaginary[i], imaginary[j]] = [imaginary[j]!, imaginary[i]!];
  }
  const cosines = Float64Array.from({ length: n / 2 }, (_, k) => Math.cos(2 * Math.PI * k / n));
  const sines = Float64Array.from({ length: n / 2 }, (_, k) => -Math.sin(2 * Math.PI * k / n));
  for (let size = 2; size <= n; size *= 2) {
    const half = size / 2, stride = n / size;
    for (let start = 0; start < n; start += size) {
      for (let k = 0; k < half; k++) {
        const a = start + k, b = a + half, c = cosines[k * stride]!, s = sines[k * stride]!;
        const re = real[b]! * c - imaginary[b]! * s, im = real[b]! * s + imaginary[b]! * c;
        real[b] = real[a]! - re;
        imaginary[b] = imaginary[a]! - im;
        real[a]! += re;
        imaginary[a]! += im;
      }
    }
  }
}

/**
 * One-sided spectral density of a series: half-overlapping segments, each without its straight line and under a Hann window.
 * Bin k of [1, n / 2] is at k * rate / n; the integral over all is the variance.
 *
 * @param n length of a segment, a power of two; segments are counted from the end of the series
 * @see Welch, IEEE Trans. Audio Electroacoust. 15, 70 (1967)
 */
export function spectralDensity(series: Float64Array, n: number, rate: number): { density: Float64Array; segments: number } {
  const segments = series.length < n ? 0 : 1 + Math.floor((series.length - n) / (n / 2)), density = new Float64Array(n / 2).fill(segments > 0 ? 0 : NaN);
  const hann = Float64Array.from({ length: n }, (_, i) => 0.5 - 0.5 * Math.cos(2 * Math.PI * i / n)), power = hann.reduce((sum, w) => sum + w * w, 0);
  for (let segment = 0; segment < segments; segment++) {
    const end = series.length - segment * n / 2, real = withoutLine(series.subarray(end - n, end)), imaginary = new Float64Array(n);
    for (let i = 0; i < n; i++) real[i]! *= hann[i]!;
    transform(real, imaginary);
    for (let k = 1; k <= n / 2; k++) {
      // The highest bin is its own mirror image; every other one has a second half.
      const weight = (k < n / 2 ? 2 : 1) / (rate * power * segments);
      density[k - 1]! += weight * (real[k]! ** 2 + imaginary[k]! ** 2);
    }
  }
  return { density, segments };
}

/** A copy less its least-squares line. */
function withoutLine(series: Float64Array): Float64Array {
  const n = series.length, middle = (n - 1) / 2, mean = series.reduce((sum, value) => sum + value, 0) / n;
  let moment = 0;
  for (let i = 0; i < n; i++) moment += (i - middle) * (series[i]! - mean);
  const slope = moment / (n * (n * n - 1) / 12);
  return series.map((value, i) => value - mean - slope * (i - middle));
}
