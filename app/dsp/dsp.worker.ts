// dsp/dsp.worker.ts - the thread that runs measurements.
import { workerData } from 'node:worker_threads';
import { measurementClasses } from './measurements/index.ts';
import type { WorkerSetup } from './messages.ts';
import { DspWorker } from './worker.ts';

new DspWorker(workerData as WorkerSetup, measurementClasses).loop();
