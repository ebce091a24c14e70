// test/driver/open.test.ts - names of taggers on a command line.
import test from 'ava';
import { isTaggerError, type TaggerError } from '../../app/core/errors.ts';
import type { TaggerSource } from '../../app/core/tagger.ts';
import { openTagger, parseSource } from '../../app/driver/open.ts';

test('parseSource() reads every form', t => {
  t.deepEqual(parseSource('simulated'), { kind: 'simulated', options: {} });
  t.like(parseSource('simulated:{"seed":7,"channels":2}'), { kind: 'simulated', options: { seed: 7, channels: 2 } });
  t.deepEqual(parseSource('replay:/data/a:b.ptu'), { kind: 'replay', file: '/data/a:b.ptu', speed: 'unpaced' });
  t.deepEqual(parseSource('usb'), { kind: 'usb' });
  t.deepEqual(parseSource('usb:TDC1-0019'), { kind: 'usb', serial: 'TDC1-0019' });
  t.deepEqual(parseSource('usb:1-2.3'), { kind: 'usb', port: '1-2.3' });
  t.deepEqual(parseSource('usb:1-2,driver=umass,firmware=/a/b'), { kind: 'usb', port: '1-2', driver: 'umass', firmware: '/a/b' });
  t.deepEqual(parseSource('usb:driver=umass'), { kind: 'usb', driver: 'umass' });
});

test('parseSource() refuses anything else with a hint', t => {
  const bridges = ['bridge', 'bridge:', 'bridge: ', 'bridge-a2:x'], usb = ['usb:', 'usb:1-2,driver', 'usb:1-2,colour=red'];
  for (const text of [
    ...bridges, ...usb, '', ':', 'simulate', 'Simulated', 'replay', 'replay:', 'simulated:', 'simulated:{', 'simulated:[]', 'simulated:null', 'simulated:{"sed":1}', '__proto__', 'x'.repeat(10_000),
  ]) {
    const error = t.throws(() => parseSource(text), undefined, text.slice(0, 40)) as TaggerError;
    t.true(isTaggerError(error) && error.code === 'usage', error.message);
    t.true(error.message.startsWith('Cannot ') && error.message.length < 400, error.message);
  }
});

test('openTagger() refuses an absurd speed', async t => {
  for (const speed of [0, -1, NaN, Infinity]) {
    const error = await t.throwsAsync(openTagger({ kind: 'replay', file: 'x', speed } as TaggerSource)) as TaggerError;
    t.is(error.code, 'usage');
  }
});
