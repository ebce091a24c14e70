// dsp/dsp.worker.ts - the thread that runs measurements.
import { workerData } from 'node:worker_threads';
import { giveWay } from './give-way.ts';
import { measurementClasses } from './measurements/index.ts';
import type { WorkerSetup } from './messages.ts';
import { DspWorker } from './worker.ts';

giveWay();
new DspWorker(workerData as WorkerSetup, measurementClasses).loop();
