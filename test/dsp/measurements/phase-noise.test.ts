// test/dsp/measurements/phase-noise.test.ts - the transform against its sum, and PhaseNoise of noise and tones that are known.
import test from 'ava';
import { spectralDensity, transform } from '../../../app/dsp/fft.ts';
import { Random } from '../../support/random.ts';
import { Bench, cutsOf, measured, sameNumbers, type Stretch, type Tag } from './harness.ts';

test('transform() equals the sum that defines it', t => {
  for (const n of [1, 2, 4, 16, 128]) {
    const random = new Random(n), real = Float64Array.from({ length: n }, () => random.next() - 0.5), imaginary = real.map(() => random.next() - 0.5);
    const re = real.slice(), im = imaginary.slice();
    transform(re, im);
    for (let k = 0; k < n; k++) {
      let a = 0, b = 0;
      for (let i = 0; i < n; i++) {
        const angle = -2 * Math.PI * ((i * k) % n) / n;
        a += real[i]! * Math.cos(angle) - imaginary[i]! * Math.sin(angle);
        b += real[i]! * Math.sin(angle) + imaginary[i]! * Math.cos(angle);
      }
      t.true(Math.abs(a - re[k]!) < 1e-12 && Math.abs(b - im[k]!) < 1e-12, `n ${n}, k ${k}`);
    }
  }
});

test('spectralDensity() integrates to the variance, ignores a line, and is NaN for a short series', t => {
  const random = new Random(5), noise = Float64Array.from({ length: 40_000 }, () => random.next() - 0.5), rate = 8;
  const { density, segments } = spectralDensity(noise, 256, rate);
  t.is(segments, 1 + Math.floor((40_000 - 256) / 128));
  t.true(Math.abs(density.reduce((a, b) => a + b) * rate / 256 * 12 - 1) < 0.02);
  const tilted = spectralDensity(noise.map((value, i) => value + 3 * i - 1e4), 256, rate).density;
  density.forEach((value, k) => { if (Math.abs(tilted[k]! / value - 1) > 1e-6) t.fail(`bin ${k}: ${tilted[k]}, not ${value}`); });
  t.true(spectralDensity(noise.subarray(0, 255), 256, rate).density.every(Number.isNaN));
});

const periodPs = 1_000_000;

/** Pulses at i * period + error(i) ps. */
function pulses(n: number, error: (i: number) => number, fromPs = 0n): Stretch {
  const tags = Array.from({ length: n }, (_, i): Tag => ({ timePs: fromPs + BigInt(Math.round((i + 1) * periodPs + error(i))), channel: 0 }));
  const toPs = tags.at(-1)!.timePs + 1n;
  return { tags, fromPs, toPs, end: { kind: 'lost', fromPs: toPs, toPs: toPs + 1n, grade: 'flagged', missed: undefined } };
}

const config = { channel: 0, average: 1, samples: 1024, segments: 63 };

test('PhaseNoise of white jitter is flat at 2 (2 pi f0 sigma)^2 / rate, and its jitter is sigma', t => {
  const random = new Random(1), widthPs = 30_000, sigmaS = widthPs * 1e-12 / Math.sqrt(12), rateHz = 1e12 / periodPs;
  const bench = measured('phaseNoise', config, [pulses(32_768, () => random.next() * widthPs)]);
  const expected = 2 * (2 * Math.PI * rateHz * sigmaS) ** 2 / rateHz, density = bench.read('getSpectralDensity') as Float64Array;
  t.is(bench.read('getSegments'), 63);
  for (let part = 0; part < 8; part++) {
    const mean = density.subarray(64 * part, 64 * part + 64).reduce((a, b) => a + b) / 64;
    t.true(Math.abs(mean / expected - 1) < 0.1, `part ${part}: ${mean / expected}`);
  }
  t.true(Math.abs((bench.read('getJitter') as number) / sigmaS - 1) < 0.02);
  t.true(Math.abs((bench.read('getCarrier') as number) / rateHz - 1) < 1e-6);
  (bench.read('getData') as Float64Array).forEach((dbc, k) => { if (Math.abs(dbc - 10 * Math.log10(density[k]! / 2)) > 1e-9) t.fail(`bin ${k}`); });
});

test('PhaseNoise shows a modulation at its offset with the power of its index, whatever the average', t => {
  for (const average of [1, 4]) {
    const peakRad = 0.05, cycles = 100, tagsOfSpectrum = config.samples * average, amplitudePs = peakRad / (2 * Math.PI) * periodPs;
    const bench = measured('phaseNoise', { ...config, average, segments: 3 }, [pulses(2 * tagsOfSpectrum, i => amplitudePs * Math.sin(2 * Math.PI * cycles * i / tagsOfSpectrum))]);
    const density = bench.read('getSpectralDensity') as Float64Array, index = bench.read('getIndex') as Float64Array, stepHz = index[0]!;
    const peak = density.indexOf(Math.max(...density)), rateHz = 1e12 / periodPs;
    t.is(peak + 1, cycles);
    t.true(Math.abs(index[peak]! / (cycles * rateHz / tagsOfSpectrum) - 1) < 1e-4);
    const power = density.subarray(peak - 3, peak + 4).reduce((a, b) => a + b) * stepHz;
    // A mean over `average` tags lets a sine through with the response of a comb of that length.
    const x = Math.PI * cycles / tagsOfSpectrum, response = Math.sin(average * x) / (average * Math.sin(x));
    t.true(Math.abs(power / (peakRad ** 2 / 2 * response ** 2) - 1) < 0.01, `average ${average}: ${power}`);
  }
});

test('PhaseNoise takes the newest stretch alone, however the tags are cut and often it is read', t => {
  const random = new Random(2), first = pulses(3000, () => random.next() * 900), second = pulses(400, () => random.next() * 900, first.toPs + 77n);
  const small = { channel: 0, average: 2, samples: 64, segments: 3 };
  const alone = measured('phaseNoise', small, [second]), expected = alone.read('getSpectralDensity') as Float64Array;
  for (const { name, cut } of cutsOf(random)) {
    const bits = (['wasm', 'typescript'] as const).map(kind => {
      const bench = measured('phaseNoise', small, [first, second], { kind, cut, publishAfter: () => random.chance(0.1) });
      t.is(bench.read('getSegments'), 3);
      return bench.read('getSpectralDensity') as Float64Array;
    });
    sameNumbers(t, bits[0]!, bits[1]!, name);
    // The mean period is that of all stretches, so the scale differs in its sixth digit.
    bits[0]!.forEach((value, k) => { if (Math.abs(value / expected[k]! - 1) > 1e-4) t.fail(`${name}, bin ${k}: ${value}, not ${expected[k]}`); });
  }
  const broken = new Bench('phaseNoise', small);
  broken.feed([first, pulses(20, () => 0, first.toPs + 77n)]);
  t.true((broken.read('getData') as Float64Array).every(Number.isNaN));
});
