// test/driver/otu/device.test.ts - the emulated OTU device by its packets, tick by tick, and the page that firmware is written from.
import { readFileSync } from 'node:fs';
import test from 'ava';
import { breaches } from '../../../app/driver/otu/blocks.ts';
import { blockFlags, parseHeader, requests } from '../../../app/driver/otu/protocol.ts';
import { OtuModel, type OtuOptions } from '../../../app/emulate/otu.ts';
import { rules } from '../../../app/tagctl/otu-stream.ts';

const page = readFileSync(new URL('../../../docs/otu-v1.md', import.meta.url), 'utf8');

/** A device whose time a test moves. */
function started(options: OtuOptions, latencyMs = 10) {
  const clock = { ms: 1000, nowMs: () => clock.ms }, model = new OtuModel({ clock, ...options });
  model.control({ requestType: 0x40, request: requests.start, value: latencyMs, index: 0 }, new Uint8Array(0), 0);
  const read = (): Uint8Array[] => {
    const packets: Uint8Array[] = [];
    for (let packet; (packet = model.packet(0x81)) instanceof Uint8Array;) packets.push(packet);
    return packets;
  };
  return { clock, model, read };
}

const beat = [{ kind: 'periodic', channel: 1, periodPs: 1e15, phasePs: 9e14 }] as const;

test('a tag leaves within the latency, at any that START can ask for', t => {
  for (const latencyMs of [1, 5, 40]) {
    const { clock, read } = started({ signals: [{ kind: 'periodic', channel: 1, periodPs: 7_300_000_000, phasePs: 1_100_000_000 }] }, latencyMs);
    let tags = 0;
    for (let ms = 1; ms <= 400; ms++) {
      clock.ms++;
      for (const packet of read()) {
        const view = new DataView(packet.buffer, packet.byteOffset), { records, base } = parseHeader(view, 0);
        tags += records;
        if (records > 0) t.true(ms - Number(base) * 20 / 3e6 <= latencyMs + 1, `${latencyMs} ms: a tag of ${Number(base) * 20 / 3e6} ms came at ${ms} ms`);
      }
    }
    t.true(tags > 45, `${tags} tags`);
  }
});

test('a dark device sends a block at least every 100 ms, and each moves the time', t => {
  const { clock, read } = started({ signals: beat }, 1000);
  let last = 0, seq = 0;
  for (let ms = 1; ms <= 1000; ms++) {
    clock.ms++;
    for (const packet of read()) {
      const header = parseHeader(new DataView(packet.buffer, packet.byteOffset), 0), atMs = Number(header.base) * 20 / 3e6;
      t.true(Math.abs(atMs - ms) <= 1, `${atMs} at ${ms}`);
      t.true(ms - last <= 100);
      t.is(header.seq, seq++);
      last = ms;
    }
  }
  t.true(seq >= 10);
});

test('a transfer of the host never waits: the last packet of what is ready is short, or an empty one comes behind it', t => {
  const { clock, read } = started({ isPadded: true, blockBytes: 512, signals: beat });
  for (let i = 0; i < 20; i++) {
    clock.ms += 60;
    const packets = read();
    t.true(packets.length >= 2 && packets.at(-1)!.length < 512, packets.map(({ length }) => length).join(' '));
  }
});

test('STOP ends with the last block and nothing behind it; START while it runs is refused', t => {
  const { clock, model, read } = started({ signals: beat });
  const tell = (request: number): boolean => model.control({ requestType: 0x40, request, value: 10, index: 0 }, new Uint8Array(0), 0) !== undefined;
  clock.ms += 3;
  t.false(tell(requests.start));
  t.true(tell(requests.stop));
  const packets = read(), first = packets[0]!;
  t.true((parseHeader(new DataView(first.buffer, first.byteOffset), 0).flags & blockFlags.last) > 0);
  clock.ms += 500;
  t.deepEqual(read(), []);
  t.true(tell(requests.stop), 'again, for a host that does not know');
  t.true(tell(requests.start));
});

test('every section that an error or a check names is on the page', t => {
  const named = [...Object.values(rules), ...Object.values(breaches).map(({ section }) => section)];
  for (const file of ['app/tagctl/otu-check.ts', 'app/driver/otu/driver.ts', 'app/driver/otu/protocol.ts', 'app/driver/otu/blocks.ts', 'app/driver/otu/caps.ts']) {
    const text = readFileSync(new URL(`../../../${file}`, import.meta.url), 'utf8');
    named.push(...[...text.matchAll(/'([2-4](?:\.\d)?)'|section ([2-4](?:\.\d)?)\./g)].map(([, a, b]) => (a ?? b)!));
  }
  t.true(named.length > 20);
  for (const section of new Set(named)) t.regex(page, new RegExp(`^##+ ${section.replace('.', '\\.')} `, 'm'), section);
});

test('the numbers of requests on the page are those of the code', t => {
  const rows = Object.fromEntries([...page.matchAll(/^\| 0x(\d\d) \| ([A-Z]+) \|/gm)].map(([, code, name]) => [name!.toLowerCase(), Number.parseInt(code!, 16)]));
  t.deepEqual(rows, requests);
});
