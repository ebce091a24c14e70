// dsp/kernels/pass.as.ts - tags that pass a gate, and with a gate that is always open: tags of several channels as one.

const outAt: usize = 256, openAt: usize = 260;

/** Role bits per channel index: 1 passes, 2 opens, 4 closes; a tag is judged by the state before it. */
export function passTags(timesAt: usize, channelsAt: usize, n: u32, untilAt: usize, planAt: usize, intoTimesAt: usize, intoChannelsAt: usize, room: u32): i32 {
  if (n > room) return -1;
  let open = load<u32>(planAt, openAt), made: u32 = 0;
  for (let i: u32 = 0; i < n; i++) {
    const role = <u32>load<u8>(planAt + load<u8>(channelsAt + i));
    store<i64>(intoTimesAt + (<usize>made << 3), load<i64>(timesAt + (<usize>i << 3)));
    made += role & open;
    open = (open | (role >> 1)) & ~(role >> 2) & 1;
  }
  memory.fill(intoChannelsAt, <u8>load<u32>(planAt, outAt), made);
  store<u32>(planAt, open, openAt);
  return <i32>made;
}
