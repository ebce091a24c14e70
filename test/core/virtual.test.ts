// test/core/virtual.test.ts - what the check of virtual channels accepts and refuses, each with its number and the range.
import { readFileSync } from 'node:fs';
import test from 'ava';
import { TaggerError, type ErrorCode } from '../../app/core/errors.ts';
import { checkVirtual, definitionsOf, physicalOf, virtualKindNames, virtualKinds, virtualNumbers } from '../../app/core/virtual.ts';
import { collectVirtual } from '../../app/tagctl/virtual-option.ts';

const channels = [1, 2, 3, -1];
const coincidence = { kind: 'coincidence', channels: [1, 2], windowPs: 10 };

test('each kind is checked and completed, and takes numbers in a row', t => {
  const checked = checkVirtual({
    1010: { kind: 'combinations', channels: [1, 2, 3] }, 1001: { kind: 'gated', channel: 1003, gateStart: 1, gateStop: 2 },
    1002: { kind: 'coincidences', groups: [[1, 2], [2, 3], [1, 1010]] }, 2000: { kind: 'triggerOnCountrate', channel: -1, referenceRateHz: 5, timeWindowPs: 1e9 },
  }, channels);
  t.deepEqual(checked.map(({ number }) => number), [1010, 1002, 1001, 2000], 'each behind what it is made of');
  t.deepEqual(checked.map(({ layer }) => layer), [0, 1, 2, 0]);
  t.deepEqual(virtualNumbers(checked), [1010, 1011, 1012, 1013, 1014, 1015, 1016, 1002, 1003, 1004, 1001, 2000, 2001]);
  t.deepEqual(physicalOf([1001], checked), [1, 2, 3]);
  t.deepEqual(physicalOf([2001, 3], checked), [3, -1]);
  t.deepEqual(definitionsOf(checked)[2000], { kind: 'triggerOnCountrate', channel: -1, referenceRateHz: 5, hysteresisHz: 0, timeWindowPs: 1e9 });
  t.deepEqual(checkVirtual(undefined, channels), []);
  t.deepEqual(checkVirtual(definitionsOf(checked), channels), checked, 'what a result shows makes the same channels');
});

test('what cannot be is refused, with the number, the reason and the range', t => {
  const long = Array.from({ length: 1025 }, (_, i) => i);
  const chain = (length: number): object => Object.fromEntries(Array.from({ length }, (_, i) => [1001 + i, { kind: 'combiner', channels: [i === 0 ? 1 : 1000 + i] }]));
  const many = (count: number): object => Object.fromEntries(Array.from({ length: count }, (_, i) => [1001 + i, { kind: 'combiner', channels: [1] }]));
  const cases: [unknown, ErrorCode, RegExp][] = [
    [[], 'usage', /must be an object/], ['x', 'usage', /must be an object/], [null, 'usage', /must be an object/],
    [{ 1000: coincidence }, 'usage', /channel 1000: its number must be from 1001 to 9999/], [{ x: coincidence }, 'usage', /from 1001 to 9999/], [{ 10_000: coincidence }, 'usage', /from 1001 to 9999/],
    [{ '1001.5': coincidence }, 'usage', /from 1001 to 9999/], [{ '01001': coincidence }, 'usage', /from 1001 to 9999/],
    [{ 1001: 7 }, 'usage', /channel 1001: its definition must be an object/], [{ 1001: { kind: 'toString' } }, 'usage', /there is no kind 'toString'/], [{ 1001: {} }, 'usage', /no kind undefined/],
    [{ 1001: { ...coincidence, windw: 1 } }, 'usage', /'windw' is not one of its arguments/],
    [{ 1001: { ...coincidence, channels: [1] } }, 'usage', /1001 \(Coincidence\): channels must be a list of 2 to 64 channels/],
    [{ 1001: { ...coincidence, channels: [1, 1] } }, 'usage', /without a channel twice/], [{ 1001: { ...coincidence, channels: [1, 9] } }, 'not-found', /1001 .*there is no channel 9/],
    [{ 1001: { ...coincidence, windowPs: -1 } }, 'usage', /windowPs must be a whole number of ps from 0 to 1000000000000/], [{ 1001: { ...coincidence, windowPs: 2e12 } }, 'limit', /from 0 to 1000000000000/],
    [{ 1001: { ...coincidence, timestamp: 'middle' } }, 'usage', /one of last, average, first, listed-first/],
    [{ 1001: { kind: 'coincidences', groups: [] } }, 'usage', /groups must be a list of 1 to 64 groups/], [{ 1001: { kind: 'coincidences', groups: [[1]] } }, 'usage', /each of groups must be a list of 2/],
    [{ 1001: { kind: 'coincidences', groups: 'x' } }, 'usage', /groups must be/], [{ 1001: { kind: 'combinations', channels: [1, 2, 3, 4, 5, 6, 7] } }, 'usage', /channels must be a list of 2 to 6 channels/],
    [{ 1001: { kind: 'combinations', channels: [1, 2] }, 1003: coincidence }, 'usage', /1003: it takes the numbers 1003 to 1003, and 1003 is taken by 1001/],
    [{ 9999: { kind: 'combinations', channels: [1, 2] } }, 'usage', /takes the numbers 9999 to 10001, and the last is 9999/],
    [{ 1001: { kind: 'delayed', channel: 1, delayPs: -2e12 } }, 'usage', /delayPs must be a whole number of ps from -1000000000000/], [{ 1001: { kind: 'delayed', channel: 1 } }, 'usage', /delayPs must be/],
    [{ 1001: { kind: 'gated', channel: 1, gateStart: 2, gateStop: 2 } }, 'usage', /gateStart and gateStop must be two channels, got 2 for both/],
    [{ 1001: { kind: 'constantFractionDiscriminator', rising: 1, falling: 1, searchWindowPs: 5 } }, 'usage', /must be two channels/],
    [{ 1001: { kind: 'frequencyMultiplier', channel: 1, multiplier: 0 } }, 'usage', /from 1 to 8192/], [{ 1001: { kind: 'frequencyMultiplier', channel: 1, multiplier: 9000 } }, 'limit', /from 1 to 8192/],
    [{ 1001: { kind: 'eventGenerator', trigger: 1, patternPs: long } }, 'usage', /patternPs must be a list of 1 to 1024/], [{ 1001: { kind: 'eventGenerator', trigger: 1, patternPs: [] } }, 'usage', /1 to 1024/],
    [{ 1001: { kind: 'eventGenerator', trigger: 1, patternPs: [5, 4] } }, 'usage', /patternPs must ascend/], [{ 1001: { kind: 'eventGenerator', trigger: 1, patternPs: [0], stop: 1 } }, 'usage', /trigger and stop must be two channels/],
    [{ 1001: { kind: 'eventGenerator', trigger: 1, patternPs: [0], divider: 2, dividerOffset: 2 } }, 'usage', /dividerOffset must be less than the divider, got 2 of 2/],
    [{ 1001: { kind: 'triggerOnCountrate', channel: 1, referenceRateHz: -1, timeWindowPs: 1 } }, 'usage', /referenceRateHz must be a number from 0/],
    [{ 1001: { kind: 'triggerOnCountrate', channel: 1, referenceRateHz: 1, timeWindowPs: 0 } }, 'usage', /timeWindowPs must be a whole number of ps from 1/],
    [{ 1001: { kind: 'combiner', channels: [1001] } }, 'usage', /1001: it is made of itself \(1001 of 1001\)/],
    [{ 1001: { kind: 'combiner', channels: [1003] }, 1002: { kind: 'combiner', channels: [1001] }, 1003: { kind: 'combiner', channels: [1, 1002] } }, 'usage', /made of itself \(1001 of 1003 of 1002 of 1001\)/],
    [{ 1001: { kind: 'frequencyMultiplier', channel: 1, multiplier: 100 }, 1002: { kind: 'frequencyMultiplier', channel: 1001, multiplier: 100 } }, 'limit', /1002: with it the view makes up to 10100 tags .* most is 8192/],
    [{ 1001: { kind: 'combiner', channels: [1, 2] }, 1002: { kind: 'eventGenerator', trigger: 1001, patternPs: long.slice(1) }, 1004: { kind: 'combinations', channels: [1002, 1] },
      1008: { kind: 'frequencyMultiplier', channel: 1004, multiplier: 4 } }, 'limit', /1008: with it the view makes up to 12295 tags/],
    [{ 1001: { kind: 'coincidence', channels: [1, 2, 3, -1, 2001, 2002, 2003, 2004, 2005], consume: false }, 2001: { kind: 'combinations', channels: [1, 2, 3] } }, 'usage', /without consuming, channels must be a list of at most 8, got 9/],
    [chain(9), 'limit', /1009: it stands on 8 others/], [many(65), 'limit', /at most 64 definitions/],
    [{ 1001: { kind: 'combinations', channels: [1, 2, 3, -1, 2001, 2002] }, 1101: { kind: 'combinations', channels: [1, 2, 3, -1, 2001, 2002] }, 1201: { kind: 'combinations', channels: [1, 2, 3, -1, 2001, 2002] },
      1301: { kind: 'combinations', channels: [1, 2, 3, -1, 2001, 2002] }, 2001: coincidence, 2002: coincidence }, 'limit', /at most 254 channels/],
  ];
  for (const [given, code, message] of cases) {
    const error = t.throws(() => checkVirtual(given, channels), { instanceOf: TaggerError }, JSON.stringify(given)?.slice(0, 200)) as TaggerError;
    t.is(error.code, code, error.message);
    t.regex(error.message, message);
    t.true(error.message.length < 400);
  }
  t.notThrows(() => checkVirtual(chain(8), channels));
  t.notThrows(() => checkVirtual(many(64), channels));
});

test('the example of each kind is what tagctl reads and the check accepts', t => {
  for (const kind of virtualKindNames) {
    const [checked] = checkVirtual(collectVirtual(`1001=${virtualKinds[kind].example}`), channels);
    t.is(checked?.kind, kind);
  }
  t.deepEqual(collectVirtual('1002=delayed channel=1 delay=-5ns', collectVirtual('1001=coincidence channels=1,2 window=1ns consume=no')), {
    1001: { kind: 'coincidence', channels: [1, 2], windowPs: 1000, consume: false }, 1002: { kind: 'delayed', channel: 1, delayPs: -5000 },
  } as never);
  for (const [text, message] of [
    ['1001', /cannot read '1001'/], ['1001=telescope channel=1', /no kind 'telescope'/], ['1001=delayed chanel=1', /cannot read 'chanel=1' as an argument of delayed/],
    ['1001=delayed channel=1 delay=5', /the unit is missing/], ['1001=delayed channel=', /cannot read 'channel='/],
  ] as const) t.throws(() => collectVirtual(text), { code: 'usage', message });
});

test('the README has a row for each kind with all its arguments', t => {
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
  for (const kind of virtualKindNames) {
    const row = readme.split('\n').find(line => line.startsWith(`| \`${kind}\` |`)) ?? '';
    for (const key of Object.keys(virtualKinds[kind].parameters)) t.true(row.includes(key), `${kind}: ${key}`);
  }
});
