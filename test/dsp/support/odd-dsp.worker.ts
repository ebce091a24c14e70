// test/dsp/support/odd-dsp.worker.ts - a dsp worker in which some countrates misbehave, told by their channels:
// [2, 1] holds up its worker until the test lets go, [3, 1] throws at its first tag, [4, 1] takes the worker down.
import { BroadcastChannel, receiveMessageOnPort, workerData, type MessagePort } from 'node:worker_threads';
import type { Measurement, MeasurementClasses } from '../../../app/dsp/measurement.ts';
import { measurementClasses } from '../../../app/dsp/measurements/index.ts';
import type { WorkerSetup } from '../../../app/dsp/messages.ts';
import { DspWorker } from '../../../app/dsp/worker.ts';

const gate = new BroadcastChannel(`hold ${process.pid}`);
const tell: (message: unknown) => void = gate.postMessage.bind(gate);
/** To be held up costs ten seconds by the clock of this thread, however soon the test lets go. */
let heldMs = 0;
const now = performance.now.bind(performance);
performance.now = () => now() + heldMs;
const never = new Int32Array(new SharedArrayBuffer(4));

function odd(measurement: Measurement, channel: number): Measurement {
  const process_ = measurement.process.bind(measurement);
  let held = false;
  measurement.process = segment => {
    if (channel === 3) throw new Error('this measurement fails on purpose');
    if (channel === 4) process.exit(1);
    if (channel === 2 && !held) {
      held = true;
      tell('holding');
      while (receiveMessageOnPort(gate as unknown as MessagePort) === undefined) Atomics.wait(never, 0, 0, 5);
      heldMs += 10_000;
    }
    process_(segment);
  };
  return measurement;
}

const classes: MeasurementClasses = {
  ...measurementClasses,
  countrate: {
    ...measurementClasses.countrate,
    create: (config, workspace) => {
      const measurement = measurementClasses.countrate.create(config, workspace);
      const channels = config['channels'] as readonly number[];
      return channels.length === 2 && channels[1] === 1 ? odd(measurement, channels[0]!) : measurement;
    },
  },
};

new DspWorker(workerData as WorkerSetup, classes).loop();
