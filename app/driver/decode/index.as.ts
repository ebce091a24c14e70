// driver/decode/index.as.ts - the wasm module of the decoders.
export { decodeT2, flushRun } from './t2.as';
export { decodeUmass, peekUmass } from './umass.as';
export { decodeTdc1 } from './tdc1.as';
export { decodeOtu } from './otu.as';
export { decodeEdges } from './edges.as';
export { decodeA1, decodeSi16 } from './bridge.as';
