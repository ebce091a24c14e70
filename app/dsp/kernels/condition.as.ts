// dsp/kernels/condition.as.ts - input conditioning: conditional filter, event divider and dead time in one pass.
//
// Nearly nothing branches: which channel comes next is random, and so is whether a tag passes.

// The plan, as layouts.ts writes it: the number of triggers so far, then a record per channel index.
const rules: usize = 64, ruleBits: u32 = 6;
// A record: i64 time from which on a tag is accepted, i64 dead time, f64 number of triggers when the filter was last passed,
// u32 tags until the divider passes one, u32 divider, u32 tags removed, u32 1 if a trigger, u32 1 if filtered.
const accepts: usize = 0, dead: usize = 8, seen: usize = 16, left: usize = 24, divider: usize = 28, removed: usize = 32, triggers: usize = 36, filtered: usize = 40;

/** Moves the tags that pass to `into...`, which is where they are or in front of it, and returns how many. */
export function conditionTags(timesAt: usize, channelsAt: usize, n: u32, planAt: usize, intoTimesAt: usize, intoChannelsAt: usize): u32 {
  let triggered = load<f64>(planAt);
  let kept: usize = 0;
  for (let i: usize = 0; i < <usize>n; i++) {
    const time = load<i64>(timesAt + (i << 3));
    const channel = load<u8>(channelsAt + i);
    const rule = planAt + rules + (<usize>channel << ruleBits);
    triggered += <f64>load<u32>(rule, triggers);
    const filter = <u32>(load<f64>(rule, seen) != triggered) | (load<u32>(rule, filtered) ^ 1);
    store<f64>(rule, triggered, seen);
    // Only what passes one stage is seen by the next.
    const waiting = load<u32>(rule, left);
    const divided = filter & <u32>(waiting == 0);
    const period = load<u32>(rule, divider) - 1;
    store<u32>(rule, select<u32>(period, waiting - filter, divided), left);
    const before = load<i64>(rule, accepts);
    const passes = divided & <u32>(time >= before);
    const after = time + load<i64>(rule, dead);
    store<i64>(rule, select<i64>(after, before, passes), accepts);
    store<u32>(rule, load<u32>(rule, removed) + (passes ^ 1), removed);
    store<i64>(intoTimesAt + (kept << 3), time);
    store<u8>(intoChannelsAt + kept, channel);
    kept += <usize>passes;
  }
  store<f64>(planAt, triggered);
  return <u32>kept;
}
