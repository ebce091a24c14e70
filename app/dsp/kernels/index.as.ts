// dsp/kernels/index.as.ts - entry of the WebAssembly module: every kernel lives in a file of its own.
//
// Rules for all of them: raw pointers into the imported shared memory, no static data (many instances share one memory),
// i64 never as a parameter or result (it would cross to JavaScript as a bigint), addresses unsigned up to 2^32.
export { countChannels } from './count.as';
export { firstDescent } from './descent.as';
export { sortTags } from './sort.as';
export { lowerBound } from './bound.as';
export { delayTags } from './delay.as';
export { addBins, largestBin } from './bins.as';
export { pairsNear } from './near.as';
export { pickTimes } from './pick.as';
export { pairsDense, pairsAuto } from './dense.as';
export { countIntervals } from './intervals.as';
export { stepPairs } from './stepped.as';
export { countStartStop } from './start-stop.as';
export { pickTags } from './pick-tags.as';
export { countBetween } from './between.as';
export { gridPairs } from './grid.as';
export { coincide, coincideShifted, countHeralds } from './coincide.as';
export { listTags, sampleLevels } from './rows.as';
