// dsp/results.worker.ts - the thread that evaluates getters.
import { parentPort, workerData } from 'node:worker_threads';
import { giveWay } from './give-way.ts';
import { measurementClasses } from './measurements/index.ts';
import type { ResultsCommand, ResultsReport, ResultsSetup } from './messages.ts';
import { Results } from './results.ts';

giveWay();
const results = new Results(workerData as ResultsSetup, measurementClasses, (report: ResultsReport, transfer: ArrayBuffer[] = []) => {
  parentPort?.postMessage(report, transfer);
});
parentPort?.on('message', (command: ResultsCommand) => results.obey(command));
