// test/bench/bias.worker.ts - an ingest worker with two channels of light, partly correlated; told to, it loses a tenth of the time.
//
// The stream follows from the seed alone, so that the same tags can be measured with the loss and without it.
import type { Tagger, TaggerInfo, TaggerSource } from '../../app/core/tagger.ts';
import type { TagSink } from '../../app/core/tags.ts';
import { runIngest } from '../../app/dsp/ingest.ts';
import { Random } from '../support/random.ts';

const batch = 8192;
/** Mean time between tags that come alone, and how often one has a partner on the other channel. */
const meanPs = 100_000, partner = 0.2, partnerWithinPs = 4000;
/** Mean lengths of stretches without a loss and of losses, ps: many windows' length, and some hundred losses in 10^6 tags. */
const goodPs = 900e6, lostPs = 100e6;

class BiasTagger implements Tagger {
  readonly info: TaggerInfo;
  readonly #tags: number;
  readonly #lossy: boolean;

  constructor(tags: number, lossy: boolean) {
    this.#tags = tags;
    this.#lossy = lossy;
    this.info = {
      model: 'bias', serial: '0', driver: 'bench', source: 'waitable', tick: { num: 1, den: 1 }, settings: [], overflowReport: 'counted', freeRunning: false,
      channels: [1, 2].map(number => ({ number, name: `Ch ${number}` })),
    };
  }

  settings(): object { return {}; }
  async configure(): Promise<object> { return {}; }
  async [Symbol.asyncDispose](): Promise<void> { /* holds nothing */ }

  async run(sink: TagSink): Promise<void> {
    const light = new Random(3), dark = new Random(4);
    const times = new BigInt64Array(batch), channels = new Uint8Array(batch);
    let n = 0, timePs = 0, partnerPs = Infinity, partnerChannel = 0, nextPs = light.exponential(meanPs);
    const loss = { fromPs: this.#lossy ? Math.ceil(dark.exponential(goodPs)) : Infinity, toPs: Infinity };
    loss.toPs = loss.fromPs + Math.ceil(dark.exponential(lostPs));
    const missed = [0, 0];
    sink.heartbeat(0n);
    const lose = (): void => {
      sink.write(times, channels, n);
      n = 0;
      sink.lost({
        grade: 'counted', place: 'device', fromPs: BigInt(loss.fromPs), toPs: BigInt(loss.toPs), missed: missed.map((count, channelIndex) => ({ channelIndex, count })),
      });
      missed.fill(0);
      loss.fromPs = loss.toPs + Math.ceil(dark.exponential(goodPs));
      loss.toPs = loss.fromPs + Math.ceil(dark.exponential(lostPs));
    };
    for (let made = 0; made < this.#tags && !sink.stopped; made++) {
      let channel: number;
      if (partnerPs < nextPs) {
        timePs = partnerPs;
        channel = partnerChannel;
        partnerPs = Infinity;
      } else {
        timePs = nextPs;
        channel = light.next() < 0.5 ? 0 : 1;
        nextPs += light.exponential(meanPs);
        if (partnerPs === Infinity && light.next() < partner) {
          partnerPs = timePs + light.next() * partnerWithinPs;
          partnerChannel = 1 - channel;
        }
      }
      while (timePs >= loss.toPs) lose();
      if (timePs >= loss.fromPs) {
        missed[channel]!++;
        continue;
      }
      times[n] = BigInt(Math.floor(timePs));
      channels[n] = channel;
      if (++n < batch) continue;
      sink.write(times, channels, n);
      n = 0;
    }
    // The last loss may reach behind the last tag.
    while (timePs >= loss.fromPs) lose();
    sink.write(times, channels, n);
  }
}

runIngest(async (source: TaggerSource) => {
  if (source.kind !== 'replay') throw new Error('how many tags, and whether they are lossy, come as the name of a replay');
  const [tags, how] = source.file.split(' ');
  return new BiasTagger(Number(tags), how === 'lossy');
});
