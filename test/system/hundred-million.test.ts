// test/system/hundred-million.test.ts - a recording twenty times larger than the ring, replayed as fast as one slow
// measurement takes it: every pair is there, nothing is lapped. Here because of its size, not because of a server.
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { Line } from '../../app/dsp/line.ts';
import { ptuHeader, T2Encoder } from '../support/ptu.ts';

const tags = 100_000_000;
const bins = 40;
const binwidthPs = 50_000;
const seed = 20261122;

/** Writes the recording and counts, in a loop of its own, what the measurement must find. */
function writeRecording(file: string): { expected: Float64Array; counts: [number, number] } {
  const encoder = new T2Encoder('generic');
  const piece = 1 << 17;
  const ticks = new Float64Array(piece);
  const codes = new Uint8Array(piece);
  const expected = new Float64Array(bins);
  const counts: [number, number] = [0, 0];
  // The last tags of each channel, as rings that reach further back than the window.
  const past = [new Float64Array(256), new Float64Array(256)] as const;
  const windowPs = bins * binwidthPs / 2;
  let state = seed;
  let time = 0;
  const handle = openSync(file, 'w');
  writeSync(handle, ptuHeader({ header: { HW_InpChannels: 2, TTResult_NumberOfRecords: -1 } }));
  for (let done = 0; done < tags; done += piece) {
    const n = Math.min(piece, tags - done);
    for (let i = 0; i < n; i++) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      time += 1 + (state >>> 13); // gaps of 1 to 524288 ps, 262 ns in the mean
      const code = (state >>> 7) & 1;
      ticks[i] = time;
      codes[i] = code;
      const other = past[1 - code] as Float64Array;
      const sign = code === 0 ? 1 : -1; // d = t(channel 1) - t(channel 2), channel 1 is code 0
      for (let k = (counts[1 - code] as number) - 1; k >= 0 && k >= (counts[1 - code] as number) - 256; k--) {
        const d = sign * (time - (other[k & 255] as number));
        if (d >= windowPs || d < -windowPs) break;
        expected[Math.floor(d / binwidthPs) + bins / 2]!++;
      }
      (past[code] as Float64Array)[(counts[code] as number) & 255] = time;
      counts[code]!++;
    }
    const records = encoder.encode(ticks, codes, n);
    writeSync(handle, new Uint8Array(records.buffer, records.byteOffset, records.byteLength));
  }
  closeSync(handle);
  return { expected, counts };
}

test('100 million tags through a ring of 4 million, beside a slow measurement: exact, and nothing lost', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'tagd-large-'));
  try {
    const file = join(folder, 'large.ptu');
    const { expected, counts } = writeRecording(file);
    await using line = await Line.open({
      id: 'large', source: { kind: 'replay', file, speed: 'unpaced' }, ringSlots: 256,
      ingestWorker: new URL('../../app/tagctl/ingest.worker.ts', import.meta.url),
    });
    const [slow, quick] = await line.createMeasurements([
      { name: 'correlation', config: { channel1: 1, channel2: 2, binwidthPs, bins } },
      { name: 'countrate', config: { channels: [1, 2] } },
    ]);
    t.true(await slow!.waitUntilFinished(150_000));
    const { value, info } = await slow!.read('getData');
    t.deepEqual([...value as Uint32Array], [...expected], `seed ${seed}`);
    t.deepEqual([...(await quick!.read('getCountsTotal')).value as Uint32Array], counts);
    t.is(info.lossGrade, 'none');
    t.is(info.lostIntervals, 0);
    t.is(info.tags, tags);
    t.is(quick!.progress(), 1);
    t.is(line.status().ledger.channels.reduce((sum, { delivered }) => sum + delivered, 0), tags);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
