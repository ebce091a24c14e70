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
export { channelBits, closeBits } from './bits.as';
export { pickTimes, pickMarked } from './pick.as';
export { pairsDense, pairsAuto } from './dense.as';
export { countIntervals } from './intervals.as';
export { stepPairs } from './stepped.as';
export { countStartStop } from './start-stop.as';
export { pickTags } from './pick-tags.as';
export { countBetween } from './between.as';
export { gridPairs } from './grid.as';
export { countPixels } from './pixels.as';
export { takePhases } from './phase.as';
export { watchPulses } from './pulse.as';
export { fitWindows } from './window.as';
export { mergeTags } from './merge.as';
export { passTags } from './pass.as';
export { coincide } from './coincide.as';
export { coincideAll } from './coincide-all.as';
export { findPatterns } from './patterns.as';
export { makePulses } from './pulses.as';
export { multiplyTags } from './multiply.as';
export { findMiddles } from './middles.as';
export { switchOnRate } from './switch.as';
export { countGroups, countShifted, countHeralds } from './groups.as';
export { pairsLog } from './log-bins.as';
export { countFirstStops } from './first-stops.as';
export { multiTau, multiTauEnd } from './multi-tau.as';
export { conditionTags } from './condition.as';
export { followClock } from './clock.as';
export { listTags, sampleLevels } from './rows.as';
export { recordScope } from './scope.as';
