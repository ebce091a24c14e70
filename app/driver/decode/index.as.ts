// driver/decode/index.as.ts - the wasm module of the decoders.
export { decodeT2, flushRun } from './t2.as';
export { decodeUmass, peekUmass } from './umass.as';
export { decodeOtu } from './otu.as';
