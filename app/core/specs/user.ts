// core/specs/user.ts - measurements whose arithmetic comes from the user.
import { limits } from '../limits.ts';
import type { MeasurementSpec } from '../spec.ts';

export const user = {
  userKernel: {
    className: 'UserKernel',
    summary: 'A WebAssembly kernel of your own, in a thread of its own, over the tags of chosen channels.',
    parameters: {
      module: { kind: 'name', help: 'Name under which an admin installed it; with analyze, the file NAME.wasm here.' },
      channels: { kind: 'channels', min: 1, max: 64, help: 'Channels whose tags it is handed; it sees their places in this list.' },
      arguments: { kind: 'numbers', min: -Number.MAX_VALUE, max: Number.MAX_VALUE, least: 0, most: 64, default: [], help: 'Numbers that the kernel asks for.' },
    },
    getters: {
      getData: { type: 'numbers', shape: '[results]', unit: '', help: 'The results of the kernel, as it has them at the end of a block.' },
      getIndex: { type: 'numbers', shape: '[results]', unit: '', help: '0, 1, 2, ...' },
    },
    outputs: { result: 'getIndex', values: 'getData' },
    plot: { getter: 'getData', x: 'result', y: 'value', index: 'result', kind: 'points' },
    example: '--module mean --channels 1,2 --arguments 1000',
    loss: 'The kernel is told by gap(): what is open is void. A kernel too slow for the rate has gaps of its own, and nobody else has them.',
    bins: () => limits.kernelResults,
  },
} as const satisfies Record<string, MeasurementSpec>;
