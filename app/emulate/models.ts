// emulate/models.ts - the taggers that can be emulated, by the name that `tagd emulate --model` takes. Another one is a line here.
import { TaggerError } from '../core/errors.ts';
import type { SimulatedSignal } from '../core/tagger.ts';
import { checkOptions } from '../driver/simulated/options.ts';
import type { DeviceClock, DeviceModel } from './device.ts';
import { Fx2lafwModel } from './fx2lafw.ts';
import { OtuModel } from './otu.ts';
import { Tdc1Model } from './tdc1.ts';
import { UmassModel } from './umass.ts';

export interface ModelOptions {
  seed: number;
  signals: readonly SimulatedSignal[];
  /** By the names of `EmulatedModel.faults`. */
  faults: Readonly<Record<string, number>>;
  /** Its time. */
  clock: DeviceClock;
}

export interface EmulatedModel {
  readonly name: string;
  /** What people call the device. */
  readonly model: string;
  /** Inputs that signals can be fed into, from 1. */
  readonly channels: number;
  /** Tags per second that this program makes in time. */
  readonly highestRateHz: number;
  /** What can be made to go wrong; each takes a whole number above 0. */
  readonly faults: Readonly<Record<string, string>>;
  make(options: ModelOptions): DeviceModel;
}

export const emulatedModels: readonly EmulatedModel[] = [
  {
    name: 'umass', model: 'UMass FPGA tagger', channels: 4, highestRateHz: 300_000,
    faults: {
      diesAfterPackets: 'leaves the bus after so many packets of data',
      stallsAfterPackets: 'stalls its data endpoint after so many packets',
      dropsWraps: 'loses every n-th wrap of its timer',
      shortReplies: 'answers commands with so many bytes less than 4',
    },
    make: options => new UmassModel(options),
  },
  {
    name: 'tdc1', model: 'S-Fifteen TDC1', channels: 4, highestRateHz: 300_000,
    faults: {
      diesAfterPackets: 'leaves the bus after so many packets',
      silentAfterWords: 'sends nothing any more after so many words',
      dropsDummies: 'loses every n-th of the words that tell of its timer',
      shortStatus: 'answers the question for its status with so many bytes less',
    },
    make: options => new Tdc1Model(options),
  },
  {
    name: 'otu', model: 'OTU v1 tagger', channels: 4, highestRateHz: 250_000,
    faults: {
      diesAfterPackets: 'leaves the bus after so many packets',
      stallsAfterPackets: 'stalls its data endpoint after so many packets',
      dropsBlocks: 'loses every n-th block',
      silentAfterBlocks: 'sends nothing any more after so many blocks',
      slowHeartbeats: 'sends its heartbeats so many times rarer',
      slowTags: 'keeps tags so many times longer',
    },
    make: options => new OtuModel(options),
  },
  {
    name: 'fx2lafw', model: 'logic analyser with an FX2', channels: 8, highestRateHz: 300_000,
    faults: {
      diesAfterPackets: 'leaves the bus after so many packets',
      stallsAfterPackets: 'stalls its data endpoint after so many packets',
      haltsAfterPackets: 'stops by itself after so many packets since each start',
      ignoresStarts: 'does not obey so many starts after the first',
    },
    make: options => new Fx2lafwModel(options),
  },
];

/** @throws {TaggerError} `usage` */
export function modelOf(name: string): EmulatedModel {
  const found = emulatedModels.find(each => each.name === name);
  if (!found) throw new TaggerError('usage', `Cannot emulate '${name.slice(0, 40)}': there is no such model.`, { hint: `There are ${emulatedModels.map(each => each.name).join(', ')}; 'tagd emulate --list' says more.` });
  return found;
}

/** Checks what a person asked for. @throws {TaggerError} `usage` with what is wrong */
export function checkModelOptions({ name, model, channels, highestRateHz, faults: known }: EmulatedModel, given: { seed?: unknown; signals?: unknown; faults?: unknown }): Omit<ModelOptions, 'clock'> {
  const { seed, signals } = checkOptions({ channels, seed: given.seed, signals: given.signals });
  const rateHz = signals.reduce((sum, signal) => sum + rateOf(signal), 0);
  if (rateHz > highestRateHz) {
    throw new TaggerError('usage', `Cannot emulate a ${model} with ${Math.round(rateHz)} tags per second in all: it is made in time up to ${highestRateHz}.`, { hint: 'Lower the rates in --signals.' });
  }
  const faults: unknown = given.faults ?? {};
  if (typeof faults !== 'object' || faults === null || Array.isArray(faults)) throw new TaggerError('usage', 'Cannot use these faults: they must be an object.', { hint: hintOf(name, known) });
  for (const [key, value] of Object.entries(faults)) {
    if (!Object.hasOwn(known, key)) throw new TaggerError('usage', `Cannot emulate a ${model} with the fault '${key.slice(0, 40)}': it has none of that name.`, { hint: hintOf(name, known) });
    if (!Number.isSafeInteger(value) || (value as number) < 1) throw new TaggerError('usage', `Cannot emulate a ${model} with ${key} ${JSON.stringify(value)?.slice(0, 40)}: it must be a whole number above 0.`);
  }
  return { seed, signals, faults: { ...faults } as Record<string, number> };
}

function hintOf(name: string, known: EmulatedModel['faults']): string { return `The faults of ${name} are ${Object.keys(known).join(', ') || 'none'}.`; }

function rateOf(signal: SimulatedSignal): number {
  switch (signal.kind) {
    case 'poisson': return signal.rateHz;
    case 'periodic': return 1e12 / signal.periodPs;
    case 'pulsed': return signal.channels.length * signal.probability * 1e12 / signal.periodPs;
    case 'pairs': return signal.channels.length * signal.rateHz * (signal.efficiency ?? 1);
  }
}
