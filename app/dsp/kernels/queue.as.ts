// dsp/kernels/queue.as.ts - tags that are known before their time comes: a list in order of time inside a plan.

export const outAt: usize = 256, headAt: usize = 272, endAt: usize = 276, capacityAt: usize = 280, queueAt: usize = 288;

/** Gives out what is earlier than `limit`; returns how many were made by now, -1 if there was no room. */
export function drain(planAt: usize, limit: i64, intoTimesAt: usize, made: i32, room: u32): i32 {
  const queue = <usize>load<u32>(planAt, queueAt), end = load<u32>(planAt, endAt);
  let head = load<u32>(planAt, headAt);
  while (head < end && made >= 0) {
    const time = load<i64>(queue + (<usize>head << 3));
    if (time >= limit) break;
    if (<u32>made == room) made = -1;
    else {
      store<i64>(intoTimesAt + (<usize>made << 3), time);
      made++;
      head++;
    }
  }
  store<u32>(planAt, head, headAt);
  return made;
}

/** Forgets what is at `limit` or later. */
export function cutQueue(planAt: usize, limit: i64): void {
  const queue = <usize>load<u32>(planAt, queueAt), head = load<u32>(planAt, headAt);
  let end = load<u32>(planAt, endAt);
  while (end > head && load<i64>(queue + (<usize>end << 3) - 8) >= limit) end--;
  store<u32>(planAt, end, endAt);
}

/** Makes room for `count` times behind the last one and returns where; 0 if it is full. Whoever writes there moves the end. */
export function reserve(planAt: usize, count: u32): usize {
  const queue = <usize>load<u32>(planAt, queueAt), capacity = load<u32>(planAt, capacityAt), head = load<u32>(planAt, headAt);
  let end = load<u32>(planAt, endAt);
  if (end + count > capacity) {
    // Moving few times to gain little room, again and again, would cost more than it is worth.
    if (head < end >> 2 || end - head + count > capacity) return 0;
    end -= head;
    memory.copy(queue, queue + (<usize>head << 3), <usize>end << 3);
    store<u32>(planAt, 0, headAt);
    store<u32>(planAt, end, endAt);
  }
  return queue + (<usize>end << 3);
}

/** False if it is full. */
export function push(planAt: usize, time: i64): bool {
  let at = reserve(planAt, 1);
  if (!at) return false;
  const end = load<u32>(planAt, endAt), first = <usize>load<u32>(planAt, queueAt) + (<usize>load<u32>(planAt, headAt) << 3);
  for (; at > first && load<i64>(at - 8) > time; at -= 8) store<i64>(at, load<i64>(at - 8));
  store<i64>(at, time);
  store<u32>(planAt, end + 1, endAt);
  return true;
}
