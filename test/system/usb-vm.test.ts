// test/system/usb-vm.test.ts - real USB: emulated devices on the ports of a virtual machine, where the kernel, libusb, usb@2.18.0 and our drivers meet them under the sandbox of the service.
//
// One machine for all, because booting it is most of the time. Figures are printed: they are of software emulation, and say that nothing hangs rather than how fast it is.
import { setTimeout } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import type { UsbredirPort } from '../../app/emulate/usbredir.ts';
import { boards, Doomed, type Phase } from '../image/boards.ts';
import { makeMachine } from '../image/machine.ts';
import { PatternModel } from '../image/pattern.ts';
import { Guest } from '../image/qemu.ts';
import { sandboxed } from '../image/sandbox.ts';
import { plug, Program } from '../image/usbredir.ts';

let guest: Guest;

test.before(async t => {
  t.timeout(170_000);
  guest = await Guest.start(makeMachine());
  t.log(`the machine took commands after ${(guest.bootMs / 1000).toFixed(1)} s`);
});
test.after.always(async () => { await (guest as Guest | undefined)?.[Symbol.asyncDispose](); });

const noDevice = 5, mebibyte = 1 << 20, refusedForGone = -4;

test.serial('usb polls with 16 transfers: data is right over megabytes, a pulled cable ends every transfer, and a replug works', async t => {
  t.timeout(60_000);
  const transfers = 16, bytes = 16 * 1024;
  const program = new Program(guest, sandboxed('test/image/guest/queue.ts', [transfers, bytes, 3]), 55_000);
  const { descriptors: before } = await program.next('ready', 20_000);
  const figures: string[] = [], left: number[] = [];
  // In full flow, then where all transfers wait, the first of them with a part of its data, then in full flow again.
  for (const packets of [Infinity, 4 * mebibyte / 512 + 3, Infinity]) {
    const pluggedMs = performance.now(), cable = await plug(guest, new PatternModel(packets));
    await program.next('attach', 10_000);
    const first = await program.next('first', 10_000);
    const data = await program.next('data', 20_000, said => Number(said['bytes']) >= 4 * mebibyte);
    // There the guest has taken all that came, and has nothing left but to wait.
    if (packets < Infinity) for (let ms = 0; cable.waiting < transfers && ms < 5000; ms += 20) await setTimeout(20);
    const pulledMs = performance.now();
    await cable.unplug();
    const error = await program.next('error', 10_000), end = await program.next('end', 10_000);
    figures.push(`${Number(data['megabytesPerSecond']).toFixed(1)} MB/s; ${(first.atMs - pluggedMs).toFixed(0)} ms from plug to first data, ${(error.atMs - pulledMs).toFixed(0)} ms from unplug to error`);
    t.is(end['wrongAt'], -1);
    const endings = end['endings'] as number[], refusals = end['refusals'] as number[];
    // A transfer that had its data already could not be submitted again; those that waited ended.
    t.true(endings.every(errno => errno === noDevice) && refusals.every(errno => errno === refusedForGone), JSON.stringify(end));
    if (packets < Infinity) t.deepEqual([endings.length, refusals.length], [transfers, 0]);
    else t.true(endings.length + refusals.length > 0);
    t.is(end['closing'], 'LIBUSB_ERROR_NO_DEVICE');
    left.push(Number(end['descriptors']));
  }
  t.is((await program.ended).code, 0, program.other.join('\n'));
  t.is(program.said.filter(({ event }) => event === 'detach').length, 3);
  // The first opening keeps what the next ones share.
  t.true(left[0]! <= Number(before) + 2, `${String(before)} descriptors before, ${left.join(', ')} after each plug`);
  t.deepEqual(left, Array.from({ length: 3 }, () => left[0]));
  for (const line of figures) t.log(line);
});

for (const name of Object.keys(boards)) {
  test.serial(`${name}: its tags over real USB are those of the same board without USB`, async t => {
    t.timeout(60_000);
    const program = new Program(guest, sandboxed('test/image/guest/driver.ts', [name, 0, 20_000]), 55_000);
    await program.next('ready', 20_000);
    const cable = await plug(guest, boards[name]!.model());
    await program.next('opened', 15_000);
    const stopped = await program.next('stopped', 30_000);
    t.is(stopped['differsAt'], -1);
    t.true(Number(stopped['compared']) >= 20_000);
    t.is(stopped['losses'], 0);
    t.is((await program.ended).code, 0, program.other.join('\n'));
    t.log(`${String(stopped['tagsPerSecond'])} tags/s`);
    await cable.unplug();
  });

  test.serial(`${name}: pulled out while it is probed, started, streaming and stopped, it comes back with its settings, and the gap has both edges`, async t => {
    t.timeout(90_000);
    const board = boards[name]!;
    const program = new Program(guest, sandboxed('test/image/guest/driver.ts', [name, 2, 5000]), 85_000);
    const { descriptors: before } = await program.next('ready', 20_000);
    const plugDoomed = (phase?: Phase) => doomed(t, name, phase);

    const probed = await plugDoomed('probe');
    t.regex(String((await program.next('refused', 20_000))['code']), /^(device-lost|device-refused|timeout)$/);
    await probed.pulled;

    const started = await plugDoomed('start');
    t.deepEqual((await program.next('configured', 20_000))['settings'], withChange(program, name));
    const losing = await program.next('losing', 20_000);
    await started.pulled;

    const streamed = await plugDoomed('stream');
    const first = await gap(t, program, losing['atPs']);
    t.deepEqual(first['settings'], withChange(program, name));
    const losingAgain = await program.next('losing', 20_000);
    await streamed.pulled;

    const stopping = await plugDoomed('stop');
    const second = await gap(t, program, losingAgain['atPs']);
    t.deepEqual(second['settings'], withChange(program, name));
    const stopped = await program.next('stopped', 20_000);
    await stopping.pulled;
    t.is(stopped['losses'], 2);
    const closed = await program.next('closed', 10_000);
    t.true(Number(closed['descriptors']) <= Number(before) + 2, `${String(before)} descriptors before, ${String(closed['descriptors'])} after`);
    t.is((await program.ended).code, 0, program.other.join('\n'));
    t.truthy(board);
  });
}

/** A lost interval from where the tags ended to where the device was back, the new epoch there, and then tags. */
async function gap(t: ExecutionContext, program: Program, fromPs: unknown) {
  const lost = (await program.next('lost', 20_000))['loss'] as { grade: string; place: string; fromPs: string; toPs: string };
  t.like(lost, { grade: 'flagged', place: 'usb', fromPs: fromPs as string });
  t.true(BigInt(lost.toPs) > BigInt(lost.fromPs));
  t.is((await program.next('epoch', 5000))['atPs'], lost.toPs);
  return await program.next('flowing', 20_000);
}

/** Settings as they were read back when the change was made, which must contain it. */
function withChange(program: Program, name: string): unknown {
  const settings = program.said.find(({ event }) => event === 'configured')?.['settings'] as Record<string, Record<string, unknown>>;
  for (const [channel, values] of Object.entries(boards[name]!.change.channels)) for (const [key, value] of Object.entries(values)) if (settings[channel]?.[key] !== value) return `no change of ${key} of channel ${channel}`;
  return settings;
}

async function doomed(t: ExecutionContext, name: string, phase: Phase | undefined): Promise<{ pulled: Promise<void> }> {
  const { promise: pulled, resolve } = Promise.withResolvers<void>(), cables: UsbredirPort[] = [];
  cables.push(await plug(guest, new Doomed(boards[name]!, phase, () => { for (const cable of cables) cable.unplug().then(resolve, error => { t.fail(String(error)); }); })));
  return { pulled };
}
