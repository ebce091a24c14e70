// test/tagctl/otu-check.test.ts - `tagctl otu-check` against the emulated device: all ok where it is right, and the right FAILED for each fault.
import test from 'ava';
import { EmulatedBus } from '../../app/emulate/in-process.ts';
import { OtuModel, type OtuOptions } from '../../app/emulate/otu.ts';
import type { Context } from '../../app/tagctl/context.ts';
import { otuCheckCommand } from '../../app/tagctl/commands/otu-check.ts';
import { checkOtu, type Check } from '../../app/tagctl/otu-check.ts';
import { terminalOf } from '../../app/tagctl/terminal.ts';
import { tagctl } from './run.ts';

const slow = [{ kind: 'periodic', channel: 1, periodPs: 3e9 }, { kind: 'periodic', channel: 2, periodPs: 7e9 }] as const;
/** A ring that no pause of a busy computer fills. */
const device = (options: OtuOptions = {}): OtuModel => new OtuModel({ signals: slow, ringBlocks: 4096, ...options });

async function checks(options: OtuOptions = {}, edit: (model: OtuModel) => void = () => {}): Promise<Check[]> {
  const bus = new EmulatedBus(), model = device(options), all: Check[] = [];
  edit(model);
  bus.plug(model);
  for await (const each of checkOtu(bus, { seconds: 0.6, latencyMs: 10, signal: new AbortController().signal })) all.push(each);
  return all;
}

const text = (all: readonly Check[]): string => all.filter(({ ok }) => !ok).map(({ name, seen, section }) => `${name}: ${seen} (${section})`).join('\n');

for (const options of [{}, { isE64: true, hasFalling: true, inputs: 20 }, { isPadded: true, blockBytes: 512 }, { tickFs: { num: 1000, den: 1 }, hasFalling: true, inputs: 14 }] as OtuOptions[]) {
  test.serial(`a device that conforms has no FAILED: ${JSON.stringify(options)}`, async t => {
    const all = await checks(options);
    t.is(text(all), '');
    t.true(all.length >= 30, `${all.length} checks`);
    for (const each of ['strings', 'interface', 'INFO', 'CAPS', 'triggerLevelV', 'as it is: heartbeat', 'as it is: latency', 'test signal: loss', 'test signal: STATUS', 'test signal: rate', 'answers in time']) {
      t.true(all.some(({ name }) => name === each), each);
    }
  });
}

const faults: [string, OtuOptions, RegExp][] = [
  ['a heartbeat that is too slow', { faults: { slowHeartbeats: 8 }, signals: [{ kind: 'periodic', channel: 1, periodPs: 1e12 }] }, /^as it is: heartbeat: .* one is due every 100 ms \(4\.5\)$/m],
  ['tags that wait', { faults: { slowTags: 4 } }, /^as it is: latency: the tags of block \d+ are 3\d\.\d ms apart, and a tag may wait 10 ms \(4\.5\)$/m],
  ['blocks that stay in the device', { faults: { keepsBlocksMs: 300 } }, /^as it is: latency: blocks are [23]\d\d ms old when they come, and a tag may wait 10 ms \(4\.5\)$/m],
  ['a missing number', { faults: { dropsBlocks: 9 } }, /^as it is: numbers of blocks: block 8 has number 9, and 8 is due \(4\.1\)$/m],
  ['a ring that is full', { ringBlocks: 0 }, /numbers|loss|heartbeat/],
  ['wrong magic', { faults: { breaks: { every: 9, what: 'magic' } } }, /^as it is: blocks: block 8 begins with 54 d7 08 00 in place of d7 54 \(4\.1\)$/m],
  ['a record that cannot be', { faults: { breaks: { every: 9, what: 'code' } } }, /^as it is: records: record \d+ of block \d+ is .* which is no tag of 4 inputs without falling edges \(4\.2\)$/m],
  ['time that goes back', { faults: { breaks: { every: 9, what: 'base' } } }, /^as it is: order of times: block 8 has base \d+, and tick \d+ was reached before \(4\.3\)$/m],
  ['too many records', { faults: { breaks: { every: 9, what: 'size' } } }, /^as it is: blocks: block 8 says 65535 records, and 1024 bytes hold 252 \(4\.1\)$/m],
  [
    'equal times in the wrong order', { faults: { mixesTies: true }, signals: [{ kind: 'pulsed', channels: [1, 2, 3], periodPs: 1e9, probability: 1 }] },
    /^as it is: order of times: record \d+ of block \d+ is of channel [12], behind channel [23] at the same tick \d+ \(4\.3\)$/m,
  ],
  ['no last block', { faults: { noLast: true } }, /^as it is: last block: no block with the flag last came \(3\.5\)$/m],
  ['SET that does nothing', { faults: { deafToSet: true } }, /^triggerLevelV: GET answers 500 whatever is SET \(-2500, 0, 2500\) \(3\.3\)$/m],
  ['GET outside the range', { faults: { answers: 9999 } }, /^triggerLevelV: GET answered 9999, and -2500 to 2500 in steps of 1 is its range \(3\.3\)$/m],
  ['deaf while tags flow', { faults: { deafWhileStreaming: true } }, /^as it is: requests while tags flow: .*refused request 48 \(3\)$/m],
  ['capabilities that are no JSON', { faults: { caps: '{' } }, /^CAPS: .*not JSON in UTF-8 \(3\.2\)$/m],
  ['an info block that cannot be', { faults: { info: new Uint8Array(32) } }, /^INFO: .*begins with 00 00 00 00 in place of OTU1 \(3\.1\)$/m],
  ['another interface string', { interfaceName: 'OTU 1' }, /^interface: its string is 'OTU 1' in place of OTU1 \(2\)$/m],
  ['no serial number', { serial: '' }, /^strings: the serial number string is empty \(2\)$/m],
];
for (const [what, options, pattern] of faults) {
  test.serial(`${what}: FAILED with what was seen and the section`, async t => { t.regex(text(await checks(options)), pattern); });
}

test.serial('a wrong tick, a test signal of another rate and wrong counts are found', async t => {
  const wrongTick = await checks({ faults: { info: Uint8Array.from(device({ tickFs: { num: 8_000_000, den: 1 } }).control({ requestType: 0xc0, request: 1, value: 0, index: 0 }, new Uint8Array(0), 32)!) } });
  t.regex(text(wrongTick), /^as it is: clock: by PING and INFO's tick its clock runs 1\.[12]\d* times as fast as ours \(3\.1\)$/m);
  t.regex(text(wrongTick), /^test signal: rate: \d+ tags a second, and testRateHz is 20000 \(3\.2\)$/m);
  const wrongCounts = await checks({}, model => {
    const { control } = model;
    model.control = (setup, data, length) => {
      const answer = control.call(model, setup, data, length);
      if (answer && setup.request === 0x22) answer[0]! ^= 1;
      return answer;
    };
  });
  t.regex(text(wrongCounts), /^as it is: STATUS: it says \d+ tags, 0 lost, \d+ blocks, and \d+, 0, \d+ came \(3\.6\)$/m);
});

test.serial('what is lost fails, and the counts still agree', async t => {
  const failed = text(await checks({ ringBlocks: 1, signals: [{ kind: 'poisson', channel: 1, rateHz: 400_000 }] }));
  t.regex(failed, /^as it is: loss: block \d+ tells of \d+ lost edges: nothing may be lost at this rate \(4\.4\)$/m);
  t.notRegex(failed, /as it is: (STATUS|records|order)/);
});

/** The command itself, on a bus of the test. */
async function command(args: readonly string[], bus = new EmulatedBus()) {
  const terminal = terminalOf({ isTTY: false }, {});
  let said = '';
  const context: Context = {
    environment: {}, out: terminal, err: terminal, signal: new AbortController().signal, exitCode: 0, remark: () => {},
    print: async lines => { said += lines.map(line => `${line}\n`).join(''); },
    write: async chunks => { for (const chunk of chunks) said += chunk; },
  };
  await otuCheckCommand(context, async () => bus).parseAsync(args, { from: 'user' });
  return { said, exitCode: context.exitCode };
}

test.serial('one line per check, exit code by the result, JSON', async t => {
  const bus = new EmulatedBus();
  bus.plug(device());
  const good = await command(['--for', '500ms'], bus);
  t.is(good.exitCode, 0, good.said);
  t.regex(good.said, /^ok {6}strings: tagd, Emulated tagger OTU1, OTU-EMU-1$/m);
  t.regex(good.said, /\nAll \d+ checks are ok\.\n$/);
  const wrong = new EmulatedBus();
  wrong.plug(device({ faults: { noLast: true } }));
  const bad = await command(['--for', '500ms', '--json'], wrong), { ok, checks: all } = JSON.parse(bad.said) as { ok: boolean; checks: Check[] };
  t.is(bad.exitCode, 76);
  t.false(ok);
  t.true(all.some(each => !each.ok && each.section === '3.5'));
  const twice = new EmulatedBus();
  twice.plug(device());
  twice.plug(device({ serial: 'B' }));
  await t.throwsAsync(command([], twice), { code: 'conflict', message: /several are attached/ } as object);
  await t.throwsAsync(command(['--device', 'C'], twice), { code: 'not-found', message: /C: it is not attached/ } as object);
  await t.throwsAsync(command([], new EmulatedBus()), { code: 'not-found' } as object);
});

test.serial('a device that leaves meanwhile is an error, not a verdict', async t => {
  for (const diesAfterPackets of [0, 3]) {
    const bus = new EmulatedBus();
    bus.plug(device({ faults: { diesAfterPackets } }));
    await t.throwsAsync(command(['--for', '500ms'], bus), { code: 'device-lost' } as object);
  }
});

test('without a device it says so, whatever computer this is', async t => {
  const { code, stdout, stderr } = await tagctl(['otu-check', '--device', 'no-such-serial']);
  t.is(code, 64, stderr);
  t.is(stdout, '');
  t.regex(stderr, /^tagctl: Cannot check the USB device no-such-serial: it is not attached\.\n/);
  t.regex((await tagctl(['otu-check', '--for', '1'])).stderr, /--for: .*the unit is missing/);
});
