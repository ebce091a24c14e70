// driver/decode/index.as.ts - the wasm module of the decoders.
export { decodeEdges } from './edges.as';
export { decodeT2, flushRun } from './t2.as';
export { decodeUmass, peekUmass } from './umass.as';
export { decodeTdc1 } from './tdc1.as';
