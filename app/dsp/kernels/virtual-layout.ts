// dsp/kernels/virtual-layout.ts - the records of the kernels that make virtual channels.
//
// All begin alike: the role of each channel index, then the index of the (first) channel that is made. Whatever holds an absolute
// time is listed in `times`, so that it moves with the origin of time.

export const virtualPlan = { roles: 0, out: 256 } as const;
export const passPlan = { bytes: 320, open: 260 } as const;
/** A role is the member's place + 1. Of the two forms one keeps the last time of each member, too old if there is none, the other a list of tags. */
export const coincidePlan = { bytes: 832, members: 260, stamp: 264, windowPs: 272, last: 280, most: 64 } as const;
export const coincideAllPlan = { bytes: 4992, members: 260, stamp: 264, count: 268, windowPs: 272, times: 280, memberOf: 4376, capacity: 512 } as const;
export const stamps = ['last', 'average', 'first', 'listed-first'] as const;
export const patternsPlan = { bytes: 320, mask: 260, windowPs: 264, first: 272, last: 280 } as const;
/** Tags whose time is to come, [head, end) of a list of times. */
export const queueRecord = { head: 272, end: 276, capacity: 280, queue: 288 } as const;
export const pulsesPlan = { bytes: 320, divider: 260, wait: 264, length: 268, pattern: 284 } as const;
export const multiplyPlan = { bytes: 320, multiplier: 260, started: 264, previous: 296, longestPs: 304 } as const;
export const middlesPlan = { bytes: 320, open: 260, windowPs: 264, rising: 272 } as const;
export const switchPlan = { bytes: 320, state: 260, above: 264, below: 272, windowPs: 280, count: 288, end: 296 } as const;
