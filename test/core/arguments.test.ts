// test/core/arguments.test.ts - the check that stands between every client and the engine.
import test from 'ava';
import { checkGetter, checkRequest, nearestMultiples } from '../../app/core/arguments.ts';
import { measurementNames, type MeasurementName } from '../../app/core/measurements.ts';

const channels = [1, 2, 3, 4, -1];
const check = (name: string, config: unknown) => checkRequest({ name: name as MeasurementName, config: config as Record<string, unknown> }, channels);

test('checkRequest() fills in the defaults of the table', t => {
  t.deepEqual(check('correlation', { channel1: 1 }), { name: 'correlation', config: { channel1: 1, channel2: undefined, binwidthPs: 1000, bins: 1000 } });
});

const refused: [string, string, unknown, string, RegExp][] = [
  ['an unknown measurement', 'autocorrelogram', {}, 'usage', /no such measurement/],
  ['a name from Object.prototype', 'constructor', {}, 'usage', /no such measurement/],
  ['arguments that are no object', 'countrate', null, 'usage', /must be an object/],
  ['an unknown argument', 'correlation', { channel1: 1, binWidth: 5 }, 'usage', /'binWidth' is not one/],
  ['an unknown channel', 'correlation', { channel1: 9 }, 'not-found', /no channel 9/],
  ['a binwidth of 0', 'correlation', { channel1: 1, binwidthPs: 0 }, 'usage', /binwidthPs must be a whole number of ps from 1/],
  ['a binwidth of NaN', 'correlation', { channel1: 1, binwidthPs: Number.NaN }, 'usage', /binwidthPs/],
  ['half a picosecond', 'histogram', { click: 1, binwidthPs: 0.5 }, 'usage', /binwidthPs/],
  ['a text as a number', 'histogram', { click: 1, binwidthPs: '16' }, 'usage', /got '16'/],
  ['an absurd number of bins', 'correlation', { channel1: 1, bins: 1e12 }, 'limit', /bins must be/],
  ['a window beyond 2^53 ps', 'correlation', { channel1: 1, bins: 1e6, binwidthPs: 1e12 }, 'limit', /2\^53/],
  ['many bins in many histograms', 'timeDifferences', { click: 1, bins: 1e6, histograms: 1e6 }, 'limit', /1000000000000 bins/],
  ['a channel twice', 'countrate', { channels: [1, 1] }, 'usage', /twice/],
  ['no channel', 'countrate', { channels: [] }, 'usage', /list of 1 to/],
  ['a missing channel', 'startStop', {}, 'usage', /click must be a channel/],
  ['a hostile list', 'countrate', { channels: [{ toString: 'x' }] }, 'not-found', /no channel an object/],
];
for (const [what, name, config, code, message] of refused) {
  test(`checkRequest() refuses ${what}`, t => {
    const error = t.throws(() => check(name, config), { name: 'TaggerError', message });
    t.is((error as { code?: string } | undefined)?.code, code);
  });
}

const flim = { start: 1, click: 2, pixelBegin: 3, pixels: 4 };
const pulsed = { channel1: 1, channel2: 2, periodPs: 10_000, gatePs: 1000, rangePs: 100_000 };
const wrongTogether: [MeasurementName, Record<string, unknown>, RegExp][] = [
  ['countBetweenMarkers', { click: 1, begin: 2, end: 2, values: 5 }, /begin and end are the same/],
  ['histogramLogBins', { click: 1, start: 2, expStart: -3, expStop: -3 }, /expStop is not above/],
  ['histogram2D', { start: 1, stop1: 2, stop2: 3, bins1: 1e6, binwidth1Ps: 1e13, bins2: 1 }, /axis 1 exceed/],
  ['histogramND', { start: 1, stop: [2, 3], bins: [5], binwidthPs: [1, 1] }, /bins lists 1 numbers for 2 axes/],
  ['timeDifferencesND', { click: 1, next: [3], histograms: [2, 2] }, /next lists 1 channels for 2 axes/],
  ['timeDifferencesND', { click: 1, next: [3, 0], histograms: [2, 2] }, /axis 2 has several histograms/],
  ['flim', { ...flim, click: 1 }, /start and click are the same/],
  ['flim', { ...flim, frameBegin: 3 }, /two of its markers/],
  ['flim', { ...flim, pixelEnd: 4, frameBegin: 4 }, /two of its markers/],
  ['flim', { ...flim, pixels: 1_000_000, bins: 10 }, /1000000 pixels have room for 4 bins/],
  ['frequencyCounter', { channels: [1], samplingIntervalPs: 1e6, fittingWindowPs: 2e6 }, /longer than samplingIntervalPs/],
  ['pulsePerSecondMonitor', { reference: 1, signals: [1] }, /signals lists the reference/],
  ['phaseNoise', { channel: 1, samples: 1000 }, /no power of two/],
  ['coincidenceRates', { groups: [[1, 2]], windowPs: 1000, shiftPs: 1500 }, /not longer than two windows/],
  ['pulsedG2', { ...pulsed, channel2: 1 }, /channel1 and channel2 are the same/],
  ['pulsedG2', { ...pulsed, gatePs: 20_000 }, /longer than the period/],
  ['sampler', { trigger: 1, channels: [2, 3], falling: [4] }, /falling lists 1 channels for 2/],
  ['sampler', { trigger: 1, channels: [2, 3], falling: [3, 0] }, /channel 3 cannot say both/],
  ['scope', { channels: [1], trigger: 2, traces: 10_000, maxPoints: 1_000_000 }, /more than 4000000 points/],
];
for (const [i, [name, config, message]] of wrongTogether.entries()) {
  test(`checkRequest() refuses what is wrong together: ${name} ${i}`, t => {
    t.is((t.throws(() => check(name, config), { name: 'TaggerError', message }) as { code?: string } | undefined)?.code, 'usage');
  });
}

test('checkGetter() knows the getters of every measurement and no others', t => {
  for (const name of measurementNames) {
    t.is(checkGetter(name, 'getData').getter, 'getData');
    t.throws(() => checkGetter(name, '__proto__'), { message: /no such getter/ });
  }
  t.deepEqual(checkGetter('counter', 'getData').args, { rolling: true });
  t.deepEqual(checkGetter('correlation', 'getDataNormalized', { rates: 'segment' }).args, { rates: 'segment' });
  t.throws(() => checkGetter('correlation', 'getDataNormalized', { rates: 'none' }), { message: /one of global, segment/ });
  t.throws(() => checkGetter('counter', 'getData', { rolling: 1 }), { message: /true or false/ });
});

test('nearestMultiples() names the binwidths that hold whole ticks', t => {
  t.deepEqual(nearestMultiples(16, { num: 1, den: 1 }), []);
  t.deepEqual(nearestMultiples(10, { num: 4, den: 1 }), [8, 12]);
  t.deepEqual(nearestMultiples(1000, { num: 125, den: 32 }), []);
  t.deepEqual(nearestMultiples(100, { num: 125, den: 32 }), [125]);
});
