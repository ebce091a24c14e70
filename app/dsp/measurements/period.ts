// dsp/measurements/period.ts - the period of a comb of peaks in a histogram, without knowing anything about it.
//
// The histogram's autocorrelation gives a first guess, its later peaks a better one: from lag to lag, doubled each time, so that the
// error never grows to half a period. From the comb that agrees best with all counts (largest Fourier component) a line is fitted.

export interface Comb { /** |sum of counts * exp(2 pi i d / P)| */ strength: number; /** Centre of a peak, ps. */ phasePs: number }

export function combOf(counts: Float64Array, delaysPs: Float64Array, periodPs: number): Comb {
  let re = 0, im = 0;
  for (let i = 0; i < counts.length; i++) {
    if (counts[i] === 0) continue;
    const angle = 2 * Math.PI * (delaysPs[i]! / periodPs % 1);
    re += counts[i]! * Math.cos(angle);
    im += counts[i]! * Math.sin(angle);
  }
  return { strength: Math.hypot(re, im), phasePs: Math.atan2(im, re) / (2 * Math.PI) * periodPs };
}

/** Bins of the autocorrelation: its cost is their square. */
const coarseBins = 4096;

/** NaN where there is no comb: fewer than three peaks, or peaks of less than four bins. */
export function fitPeriod(counts: Float64Array, delaysPs: Float64Array, binwidthPs: number): { value: number; error: number } {
  const total = counts.reduce((sum, count) => sum + count, 0), nothing = { value: NaN, error: NaN };
  if (total === 0) return nothing;
  const factor = Math.ceil(counts.length / coarseBins), coarse = new Float64Array(Math.floor(counts.length / factor));
  for (let i = 0; i < coarse.length * factor; i++) coarse[Math.floor(i / factor)]! += counts[i]!;
  const lags = autocorrelation(coarse), first = firstPeak(lags);
  if (first === undefined) return nothing;
  let lag = first, times = 1;
  for (; 2 * lag < lags.length; times *= 2) lag = highestNear(lags, 2 * lag, Math.max(2, Math.floor(first / 4)));
  const guessPs = lag / times * factor * binwidthPs, spanPs = counts.length * binwidthPs;
  // Far off by this much, the outermost peaks would be out of step by a tenth of a period.
  const stepPs = 0.1 * guessPs ** 2 / spanPs, uncertainPs = Math.max(1.5 * factor * binwidthPs / times, 5 * stepPs);
  let periodPs = guessPs, halfPs = uncertainPs;
  for (const steps of [Math.min(200, Math.ceil(uncertainPs / stepPs)), 5, 5, 5, 5, 5]) {
    let best = -1, bestPs = periodPs;
    for (let i = -steps; i <= steps; i++) {
      const { strength } = combOf(counts, delaysPs, periodPs + i / steps * halfPs);
      if (strength <= best) continue;
      best = strength;
      bestPs = periodPs + i / steps * halfPs;
    }
    periodPs = bestPs;
    halfPs /= steps;
  }
  return throughPeaks(counts, delaysPs, periodPs);
}

/** A line through the distances of all counts from the peaks they belong to; the largest Fourier component alone leans to long periods. */
function throughPeaks(counts: Float64Array, delaysPs: Float64Array, guessPs: number): { value: number; error: number } {
  let periodPs = guessPs, errorPs = NaN;
  for (let pass = 0; pass < 4; pass++) {
    const { phasePs } = combOf(counts, delaysPs, periodPs), peakOf = (delayPs: number): number => Math.round((delayPs - phasePs) / periodPs);
    // Only peaks that lie in range with all of their period.
    const least = peakOf(delaysPs[0]!) + 1, most = peakOf(delaysPs.at(-1)!) - 1;
    let n = 0, k1 = 0, k2 = 0, o1 = 0, o2 = 0, ko = 0;
    for (let i = 0; i < counts.length; i++) {
      const count = counts[i]!, k = peakOf(delaysPs[i]!), offset = delaysPs[i]! - phasePs - k * periodPs;
      if (count === 0 || k < least || k > most) continue;
      n += count;
      k1 += count * k;
      k2 += count * k * k;
      o1 += count * offset;
      o2 += count * offset * offset;
      ko += count * k * offset;
    }
    const spread = k2 - k1 * k1 / n;
    if (!(spread > 0)) return { value: periodPs, error: NaN };
    periodPs += (ko - k1 * o1 / n) / spread;
    errorPs = Math.sqrt((o2 - o1 * o1 / n) / n / spread);
  }
  return { value: periodPs, error: errorPs };
}

function autocorrelation(counts: Float64Array): Float64Array {
  const mean = counts.reduce((sum, count) => sum + count, 0) / counts.length, lags = new Float64Array(Math.floor(0.75 * counts.length));
  for (let lag = 0; lag < lags.length; lag++) {
    let sum = 0;
    for (let i = lag; i < counts.length; i++) sum += (counts[i]! - mean) * (counts[i - lag]! - mean);
    lags[lag] = sum / (counts.length - lag);
  }
  return lags;
}

/** The first lag behind the one at zero that is nearly as high as any. */
function firstPeak(lags: Float64Array): number | undefined {
  const valley = lags.findIndex(value => value < 0);
  if (valley < 0) return undefined;
  const searched = lags.subarray(0, Math.floor(lags.length * 2 / 3)), highest = searched.subarray(valley).reduce((most, value) => Math.max(most, value), -Infinity);
  let lag = searched.findIndex((value, i) => i > valley && value > 0.7 * highest);
  if (lag < 0 || highest <= 0) return undefined;
  while (lag + 1 < lags.length && lags[lag + 1]! > lags[lag]!) lag++;
  return lag >= 4 ? lag : undefined;
}

function highestNear(lags: Float64Array, lag: number, reach: number): number {
  let best = Math.min(lag, lags.length - 1);
  for (let i = Math.max(0, lag - reach); i < Math.min(lags.length, lag + reach + 1); i++) if (lags[i]! > lags[best]!) best = i;
  return best;
}
