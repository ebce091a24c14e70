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
