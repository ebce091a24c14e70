// test/dsp/support/ring-writer.worker.ts - fills a ring with tags 0, 1, 2, ... ps on channels t % 4, as fast as it can.
import { parentPort, workerData } from 'node:worker_threads';
import { loadKernels } from '../../../app/dsp/kernels/load.ts';
import { Ring, type RingLayout } from '../../../app/dsp/ring.ts';
import { IngestSink } from '../../../app/dsp/sink.ts';

const { memory, layout, tags, blockTags, scratchAt } = workerData as { memory: WebAssembly.Memory; layout: RingLayout; tags: number; blockTags: number; scratchAt: number };
const ring = new Ring(memory, layout);
const sink = new IngestSink({ ring, kernels: loadKernels(memory), channels: 4, scratchAt, maxBlockTags: blockTags });
const times = new BigInt64Array(blockTags);
const channels = new Uint8Array(blockTags);
for (let t = 0; t < tags;) {
  const n = Math.min(blockTags, tags - t);
  for (let i = 0; i < n; i++) {
    times[i] = BigInt(t + i);
    channels[i] = (t + i) % 4;
  }
  sink.write(times, channels, n);
  t += n;
}
sink.finish();
ring.end('source');
parentPort?.postMessage('finished', []);
