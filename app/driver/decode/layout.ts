// driver/decode/layout.ts - where the decoder keeps its state between calls; read by the wasm module and by its twin.
//
// All of it lies in shared memory in front of the raw records, so either implementation may go on where the other
// stopped. Offsets are bytes from the 8-aligned start of the state.

/** i64: stream time of tick 0 of the current wrap, ps. */
export const baseAt = 0;
/** f64: ticks that did not make a whole ps at the last wrap, [0, den). */
export const remainderAt = 8;
/** i64: tags at or after this time wait (pacing). */
export const limitAt = 16;
/** u32 each: ps per tick as a fraction. */
export const numAt = 24;
export const denAt = 28;
/** u32: bits of the time field; what lies above is the code. */
export const timeBitsAt = 32;
/** u32: ticks per overflow. */
export const wrapAt = 36;
/** u32: 1 if an overflow record carries the number of wraps. */
export const countedWrapsAt = 40;
/** u32: codes below this are inputs, and code = channel index. */
export const inputsAt = 44;
/** u32: records taken by the last call. */
export const consumedAt = 48;
/** u32: why the last call ended, one of the `stopped...` values below. */
export const statusAt = 52;
/** Tags of one and the same time, held back until a later record proves the run complete. */
export const runPsAt = 56;
export const runCountAt = 64;
export const runSentAt = 68;
/** i64: time of the record that could not be understood. */
export const unknownPsAt = 72;
/** u32 each, counted since the start. */
export const overflowsAt = 80;
export const unknownsAt = 84;
/** u8[16]: channel index of sync (0) and of the single marker bits (1, 2, 4, 8); 255 = not listed. */
export const specialsAt = 96;
/** u8[runCapacity]: channel indexes of the run, ascending. */
export const runChannelsAt = 128;
export const runCapacity = 256;
export const stateBytes = 384;

export const noChannel = 255;

/** All records were taken. */
export const stoppedAtEnd = 0;
/** The room is full. */
export const stoppedByRoom = 1;
/** The next tag is at or after the limit. */
export const stoppedByLimit = 2;
/** A record of no known kind, or of an input that is not listed, was skipped: something is missing here. */
export const stoppedByUnknown = 3;
/** The time left what an int64 of ps can hold with room to spare. */
export const stoppedByTime = 4;
/** 2^63 - 2^53: a wrap more than this cannot be represented. */
export const latestPs = 9214364837600034816;
