// driver/decode/index.as.ts - the wasm module of the decoders.
export { decodeT2, flushRun } from './t2.as';
export { decodeUmass, peekUmass } from './umass.as';
export { decodeA1, decodeSi16 } from './bridge.as';
