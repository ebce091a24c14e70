// dsp/steps.ts - a block of the ring as what measurements understand: uninterrupted segments and what lies between them.
import type { Segment, SegmentEnd } from './measurement.ts';
import type { Block, Marker } from './ring.ts';

export type Step =
  | { kind: 'segment'; segment: Segment }
  /** The stretch is over; the next one begins at `toPs`. */
  | { kind: 'end'; end: SegmentEnd; fromPs: bigint; toPs: bigint }
  /** An overflow began; nothing counts until the `end` that names the whole interval. */
  | { kind: 'losing'; fromPs: bigint }
  /** A physical setting of this channel index (or of all, 255) changed; it comes before the tags around `atPs`. */
  | { kind: 'settings'; channel: number; revision: number; atPs: bigint };

/** The steps of one block, in order of time. */
export function* stepsOf(block: Block): Generator<Step> {
  let from = 0;
  let fromPs = block.fromPs;
  let losing = block.losingFromPs !== undefined;
  const segment = (to: number, toPs: bigint): Step[] => {
    if (losing || (to === from && toPs === fromPs)) return [];
    const whole = from === 0;
    return [{
      kind: 'segment',
      segment: {
        timesAt: block.timesAt + from * 8, channelsAt: block.channelsAt + from, n: to - from,
        history: whole ? block.history : 0, historyComplete: whole ? block.historyComplete : true,
        fromPs, toPs, countsAt: whole && to === block.n ? block.countsAt : 0,
      },
    }];
  };
  for (const [i, marker] of block.markers.entries()) {
    switch (marker.kind) {
      case 'missed': case 'clock': break;
      case 'settings':
        yield { kind: 'settings', channel: marker.channel, revision: marker.revision, atPs: marker.fromPs };
        break;
      case 'losing':
        yield* segment(marker.index, marker.fromPs);
        losing = true;
        yield { kind: 'losing', fromPs: marker.fromPs };
        break;
      default:
        yield* segment(marker.index, marker.fromPs);
        if (marker.kind === 'lost') losing = false;
        yield { kind: 'end', end: endOf(marker, block.markers, i), fromPs: marker.fromPs, toPs: marker.toPs };
        from = marker.index;
        fromPs = marker.toPs;
    }
  }
  yield* segment(block.n, block.toPs);
}

/** Everything between two blocks was overwritten before this reader came to it. */
export function lapped(fromPs: bigint, toPs: bigint, missed: { channelIndex: number; count: number }[] | undefined): Step {
  return { kind: 'end', fromPs, toPs, end: { kind: 'lost', fromPs, toPs, grade: missed ? 'counted' : 'flagged', missed } };
}

function endOf(marker: Marker, markers: readonly Marker[], i: number): SegmentEnd {
  switch (marker.kind) {
    case 'lost': {
      const { fromPs, toPs, grade } = marker;
      if (marker.count === 0) return { kind: 'lost', fromPs, toPs, grade, missed: undefined };
      const missed: { channelIndex: number; count: number }[] = [];
      for (let j = i + 1; markers[j]?.kind === 'missed'; j++) missed.push({ channelIndex: markers[j]!.channel, count: markers[j]!.count });
      return { kind: 'lost', fromPs, toPs, grade, missed };
    }
    case 'epoch': case 'disorder': case 'slip': return { kind: marker.kind, atPs: marker.toPs };
    default: throw new Error(`A marker '${marker.kind}' does not end a segment.`);
  }
}
