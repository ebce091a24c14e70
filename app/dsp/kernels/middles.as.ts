// dsp/kernels/middles.as.ts - the middle between a rising edge and the falling edge behind it.

const outAt: usize = 256, openAt: usize = 260, windowAt: usize = 264, risingAt: usize = 272;

/** Roles: 1 rising, 2 falling. */
export function findMiddles(timesAt: usize, channelsAt: usize, n: u32, untilAt: usize, planAt: usize, intoTimesAt: usize, intoChannelsAt: usize, room: u32): i32 {
  if (n > room) return -1;
  const window = <i64>load<f64>(planAt, windowAt);
  let open = load<u32>(planAt, openAt), rising = load<i64>(planAt, risingAt), made: u32 = 0;
  for (let i: u32 = 0; i < n; i++) {
    const role = load<u8>(planAt + load<u8>(channelsAt + i));
    if (role == 0) continue;
    const time = load<i64>(timesAt + (<usize>i << 3));
    if (role == 1) {
      open = 1;
      rising = time;
      continue;
    }
    const width = time - rising;
    if (open && width <= window) {
      store<i64>(intoTimesAt + (<usize>made << 3), rising + width / 2);
      made++;
    }
    open = 0;
  }
  store<u32>(planAt, open, openAt);
  store<i64>(planAt, rising, risingAt);
  memory.fill(intoChannelsAt, <u8>load<u32>(planAt, outAt), made);
  return <i32>made;
}
