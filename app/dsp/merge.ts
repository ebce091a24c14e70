// dsp/merge.ts - delays tags that overtake many others: each group of equal delay is sorted already, so groups are merged.
//
// The sort kernel moves every tag past its neighbours one by one, which is best while few are overtaken. Here a group is
// taken out and merged from the back into what is there; the work is the group and the tags that it overtakes.
import type { KernelSet } from './kernels/kernels.ts';
import type { Views } from './memory.ts';

export interface TagsAt { timesAt: number; channelsAt: number; n: number }

/**
 * Adds the tags of `from`, moved by the delay of their channel, to the sorted tags of `into`, in order.
 *
 * @param into has room for `from.n` more tags; `into.n` is changed
 * @param delaysPs by channel index; a missing one is 0
 * @param spare room for `from.n` tags
 */
export function mergeDelayed(views: Views, kernels: KernelSet, from: TagsAt, into: TagsAt, delaysPs: readonly bigint[], spare: Omit<TagsAt, 'n'>): void {
  for (const delayPs of new Set([0n, ...delaysPs])) {
    const isMember = Uint8Array.from({ length: 256 }, (_, channel) => ((delaysPs[channel] ?? 0n) === delayPs ? 1 : 0));
    const n = takeGroup(views, from, isMember, delayPs, spare);
    kernels.mergeTags(into.timesAt, into.channelsAt, into.n, spare.timesAt, spare.channelsAt, n);
    into.n += n;
  }
}

function takeGroup({ i64, u8 }: Views, from: TagsAt, isMember: Uint8Array, delayPs: bigint, spare: Omit<TagsAt, 'n'>): number {
  const times = from.timesAt / 8;
  const spareTimes = spare.timesAt / 8;
  let n = 0;
  for (let i = 0; i < from.n; i++) {
    const channel = u8[from.channelsAt + i]!;
    if (isMember[channel] === 0) continue;
    i64[spareTimes + n] = BigInt.asIntN(64, i64[times + i]! + delayPs);
    u8[spare.channelsAt + n] = channel;
    n++;
  }
  return n;
}
