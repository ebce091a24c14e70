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
import { plug, Program, type Said } from '../image/usbredir.ts';

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
  await using program = new Program(guest, sandboxed('test/image/guest/queue.ts', [transfers, bytes, 3]), 55_000);
  const { descriptors: before } = await program.next('ready', 20_000);
  const figures: string[] = [], left: number[] = [];
  // In full flow, then where all transfers wait, the first of them with a part of its data, then in full flow again.
  for (const packets of [Infinity, 4 * mebibyte / 512 + 3, Infinity]) {
    const pluggedMs = performance.now(), cable = await plug(guest, new PatternModel(packets));
    t.teardown(() => cable.unplug());
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

test.serial('what a driver is promised of a device: transfers end in time, a cut one loses nothing, stalls are cleared, and it is followed when it becomes another', async t => {
  t.timeout(60_000);
  await using program = new Program(guest, sandboxed('test/image/guest/access.ts'), 55_000);
  await program.next('ready', 30_000);
  const cable = await plug(guest, new PatternModel(3));
  t.teardown(() => cable.unplug());
  const said = async (event: string): Promise<Said> => await program.next(event, 15_000);
  t.like((await said('found'))['identity'], { vendorId: 0x1209, productId: 1, manufacturer: 'tagd', product: 'Pattern', serial: 'P-1' });
  t.is((await said('unclaimed'))['code'], 'protocol');
  t.is((await said('nointerface'))['code'], 'protocol');
  t.like(await said('full'), { bytes: 1024, first: [0, 0, 0, 0, 1, 0, 0, 0] });
  // QEMU has no bytes of a transfer that was cut; the device still has them.
  const cut = await said('cut'), kept = await said('kept'), silent = await said('silent');
  t.is(Number(cut['bytes']) + Number(kept['bytes']), 512);
  t.deepEqual((Number(kept['bytes']) > 0 ? kept : cut)['first'], [0, 1, 0, 0, 1, 1, 0, 0]);
  t.is(silent['bytes'], 0);
  await said('out');
  t.like(await said('in'), { bytes: 3, first: [1, 2, 3] });
  t.is((await said('refused'))['code'], 'device-refused');
  t.is((await said('stalled'))['code'], 'device-refused');
  t.is((await said('cleared'))['code'], undefined);
  const again = await said('silentagain');
  t.like(again, { bytes: 0 });
  // 100 ms each; the timeouts of the library itself would have been up to 60 s late.
  for (const { ms } of [silent, again]) t.true(Number(ms) >= 99 && Number(ms) < 3000, `${String(ms)} ms`);
  t.is((await said('nothing'))['bytes'], undefined);
  t.true(Number((await said('stop'))['ms']) < 3000);
  t.is((await said('become'))['code'], undefined);
  const lost = await said('lost');
  t.is(lost['code'], 'device-lost');
  t.true(Number(lost['ms']) < 5000);
  t.is((await said('gone'))['isGone'], true);
  t.is((await said('disposed'))['code'], undefined);
  t.is((await said('after'))['code'], 'device-lost');
  t.like(await said('back'), { isSamePort: true, isNew: true });
  t.is((await program.ended).code, 0, program.other.join('\n'));
  t.log(`a transfer of 100 ms was over after ${String(silent['ms'])} ms; the device was lost ${String(lost['ms'])} ms after it left`);
});

for (const [name, board] of Object.entries(boards)) {
  test.serial(`${name}: its tags over real USB are those without USB; pulled out while it is probed, started, streaming and stopped, it comes back with its settings`, async t => {
    t.timeout(90_000);
    const tags = 5000;
    await using program = new Program(guest, sandboxed('test/image/guest/driver.ts', [name, tags, 2]), 85_000);
    await program.next('ready', 30_000);
    const cable = await plug(guest, board.model());
    t.teardown(() => cable.unplug());
    await program.next('opened', 20_000);
    const compared = await program.next('compared', 30_000);
    t.like(compared, { differsAt: -1, losses: 0 });
    t.true(Number(compared['compared']) >= tags);
    await cable.unplug();
    await program.next('departed', 10_000);

    const probed = await plugDoomed(t, name, 'probe');
    t.regex(String((await program.next('refused', 20_000))['code']), /^(device-lost|device-refused|timeout)$/);
    await probed.pulled;

    const started = await plugDoomed(t, name, 'start');
    const { settings } = await program.next('configured', 20_000);
    t.like(settings as object, board.change);
    const losing = await program.next('losing', 20_000, isUsb);
    await started.pulled;

    const streamed = await plug(guest, board.model());
    t.teardown(() => streamed.unplug());
    t.deepEqual((await gap(t, program, losing['atPs']))['settings'], settings);
    await streamed.unplug();
    const losingAgain = await program.next('losing', 20_000, isUsb);

    const stopping = await plugDoomed(t, name, 'stop');
    t.deepEqual((await gap(t, program, losingAgain['atPs']))['settings'], settings);
    const stopped = await program.next('stopped', 20_000);
    if (board.begins.stop) await stopping.pulled;
    t.is(stopped['lost'], 2);
    const closed = await program.next('closed', 10_000);
    t.is(closed['descriptors'], compared['descriptors'], 'descriptors after four plugs as after the first');
    t.is((await program.ended).code, 0, program.other.join('\n'));
    await stopping.unplug();
    t.log(`${String(compared['tagsPerSecond'])} tags/s`);
  });
}

function isUsb({ place }: Said): boolean { return place === 'usb'; }

/** A lost interval from where the tags ended to where the device was back, the new epoch there, and then tags. */
async function gap(t: ExecutionContext, program: Program, fromPs: unknown): Promise<Said> {
  const said = await program.next('lost', 20_000, ({ loss }) => (loss as { place: string }).place === 'usb');
  const lost = said['loss'] as { grade: string; fromPs: string; toPs: string };
  t.like(lost, { grade: 'flagged', fromPs: fromPs as string });
  t.true(BigInt(lost.toPs) > BigInt(lost.fromPs));
  t.is((await program.next('epoch', 5000))['atPs'], lost.toPs);
  return await program.next('flowing', 20_000);
}

async function plugDoomed(t: ExecutionContext, name: string, phase: Phase): Promise<{ pulled: Promise<void>; unplug(): Promise<void> }> {
  const { promise: pulled, resolve } = Promise.withResolvers<void>(), cables: UsbredirPort[] = [], board = boards[name]!;
  const unplug = async (): Promise<void> => { for (const cable of cables) await cable.unplug(); };
  const pull = (): void => { unplug().then(resolve, (error: unknown) => { t.fail(String(error)); }); };
  cables.push(await plug(guest, board.model(tagger => new Doomed(board, tagger, phase, pull))));
  t.teardown(unplug);
  return { pulled, unplug };
}
