// test/tagctl/attached.test.ts - `tagctl taggers --usb`: what is attached to this computer, and the command that each needs.
import test from 'ava';
import { attachedLines } from '../../app/tagctl/attached.ts';
import { findTaggers } from '../../app/driver/usb-discovery.ts';
import { EmulatedBus } from '../../app/emulate/in-process.ts';
import { UmassModel } from '../../app/emulate/umass.ts';
import { describe } from '../../app/emulate/descriptors.ts';
import { tagctl } from './run.ts';

test('taggers --usb works without a station, whether a tagger is there or not', async t => {
  const { code, stdout, stderr } = await tagctl(['taggers', '--usb']);
  t.is(code, 0, stderr);
  t.true(stdout.length > 0);
  t.true(Array.isArray((JSON.parse((await tagctl(['taggers', '--usb', '--json'])).stdout) as { usb: unknown[] }).usb));
});

test('each attached tagger has its state and what to type', async t => {
  const bus = new EmulatedBus();
  bus.plug(new UmassModel({ clock: 'demand' }), '1-2');
  const bare = new UmassModel({ clock: 'demand' });
  Object.assign(bare, { descriptors: describe({ vendorId: 0x04b4, productId: 0x8613, interfaces: [] }) });
  bus.plug(bare, '1-3.1');
  const lines = attachedLines(await findTaggers(bus));
  t.deepEqual(lines.slice(0, 2), ['UMass FPGA tagger, port 1-2: ready', '  tagd --tagger usb:1-2']);
  t.regex(lines[2]!, /port 1-3\.1: needs a choice$/);
  t.regex(lines[3]!, /--tagger usb:1-3\.1,driver=umass/);
  t.regex(attachedLines([])[0]!, /^No USB time tagger/);
});
