// test/driver/open.test.ts - names of taggers on a command line, and USB where there may be none.
import test from 'ava';
import { isTaggerError, type TaggerError } from '../../app/core/errors.ts';
import type { TaggerSource } from '../../app/core/tagger.ts';
import { openTagger, parseSource } from '../../app/driver/open.ts';
import { findTaggers, nameOf, openUsb, type FoundTagger } from '../../app/driver/usb.ts';

test('parseSource() reads every form', t => {
  t.deepEqual(parseSource('simulated'), { kind: 'simulated', options: {} });
  t.like(parseSource('simulated:{"seed":7,"channels":2}'), { kind: 'simulated', options: { seed: 7, channels: 2 } });
  t.deepEqual(parseSource('replay:/data/a:b.ptu'), { kind: 'replay', file: '/data/a:b.ptu', speed: 'unpaced' });
  t.deepEqual(parseSource('usb'), { kind: 'usb' });
  t.deepEqual(parseSource('usb:TDC1-0019'), { kind: 'usb', serial: 'TDC1-0019' });
});

test('parseSource() refuses anything else with a hint', t => {
  const bridges = ['bridge', 'bridge:', 'bridge: ', 'bridge-a2:x'];
  for (const text of [...bridges, '', ':', 'simulate', 'Simulated', 'replay', 'replay:', 'usb:', 'simulated:', 'simulated:{', 'simulated:[]', 'simulated:null', 'simulated:{"sed":1}', '__proto__', 'x'.repeat(10_000)]) {
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

test('findTaggers() answers with or without USB', async t => {
  const found = await findTaggers();
  t.true(found.every(each => each.model.length > 0 && nameOf(each).includes(':')));
});

const tdc: FoundTagger = { vendorId: 0x1234, productId: 0x5, serial: 'TDC1-0019', model: 'S-Fifteen TDC1', supported: false };
const fx2: FoundTagger = { vendorId: 0x04b4, productId: 0x1004, model: 'UMass FPGA tagger', supported: false };

test('openUsb() names what it found, or what it looked for', async t => {
  const attempt = async (serial: string | undefined, taggers: FoundTagger[]): Promise<[string, string]> => {
    const error = await t.throwsAsync(openUsb(serial, taggers)) as TaggerError;
    t.truthy(error.hint);
    return [error.code, error.message];
  };
  t.deepEqual(await attempt(undefined, [fx2]), ['unsupported', 'Cannot open the UMass FPGA tagger (04b4:1004): this version of tagd has no driver for it.']);
  t.deepEqual(await attempt('TDC1-0019', [fx2, tdc]), ['unsupported', 'Cannot open the S-Fifteen TDC1 (1234:0005, serial TDC1-0019): this version of tagd has no driver for it.']);
  t.deepEqual(await attempt('7', [fx2]), ['not-found', 'Cannot open the USB time tagger with serial number 7: attached are UMass FPGA tagger (04b4:1004).']);
  t.deepEqual((await attempt(undefined, []))[0], 'not-found');
});
