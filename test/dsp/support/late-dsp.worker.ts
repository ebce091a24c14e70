// test/dsp/support/late-dsp.worker.ts - a dsp worker that is held up each time between its commands and the ring, as the
// scheduler of a busy machine may do.
import { workerData } from 'node:worker_threads';
import { measurementClasses } from '../../../app/dsp/measurements/index.ts';
import type { WorkerSetup } from '../../../app/dsp/messages.ts';
import { RingReader } from '../../../app/dsp/ring.ts';
import { DspWorker } from '../../../app/dsp/worker.ts';

const never = new Int32Array(new SharedArrayBuffer(4));
const { take } = RingReader.prototype;

RingReader.prototype.take = function (this: RingReader) {
  Atomics.wait(never, 0, 0, 50);
  return take.call(this);
};

new DspWorker(workerData as WorkerSetup, measurementClasses).loop();
