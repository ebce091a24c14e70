// dsp/ingest.ts - the whole body of an ingest worker: owns the tagger, is the only writer of the line's ring.
//
// The worker files lie in the composition roots, because only they know the drivers: two imports and one call.
import { setInterval } from 'node:timers';
import { parentPort, workerData } from 'node:worker_threads';
import { TaggerError, toNote } from '../core/errors.ts';
import type { Ledger } from '../core/ledger.ts';
import type { Settings, Tagger, TaggerSource } from '../core/tagger.ts';
import type { Tick } from '../core/tags.ts';
import { loadKernels } from './kernels/load.ts';
import type { IngestCommand, IngestReport, IngestSetup } from './messages.ts';
import { ReferenceClockSink, referenceClockBytes } from './reference-clock.ts';
import { Ring } from './ring.ts';
import { IngestSink, ingestBytes } from './sink.ts';
import { SoftwareInputs } from './software-inputs.ts';

/** How often a silent source is looked after; no block waits longer than this beyond its time. */
const tickMs = 5;
/** How often the driver is asked how far it is and whether all is well. */
const sourceEveryMs = 200;

/** @param openTagger finds the driver and opens the tagger that the line was made for */
export function runIngest(openTagger: (source: TaggerSource) => Promise<Tagger>): void {
  void ingest(workerData as IngestSetup, openTagger);
}

async function ingest(setup: IngestSetup, openTagger: (source: TaggerSource) => Promise<Tagger>): Promise<void> {
  const commands = new Commands();
  let sink: IngestSink | undefined;
  try {
    const tagger = await openTagger(setup.source);
    try {
      const inputs = new SoftwareInputs(tagger);
      const { info } = inputs;
      const ring = new Ring(setup.memory, setup.layout);
      ring.waitable = info.source === 'waitable';
      const kernels = loadKernels(setup.memory, setup.kernel);
      sink = new IngestSink({
        ring, kernels, channels: info.channels.length, scratchAt: setup.scratchAt, maxBlockTags: setup.maxBlockTags,
        onLedger: ledger => report({ kind: 'ledger', ledger: ledger.snapshot() }),
        onLoss: lossReporter(),
        onClock: locked => report({ kind: 'clock', locked }),
      });
      const writer = sink;
      const clock = new ReferenceClockSink(writer, kernels, setup.scratchAt + ingestBytes - referenceClockBytes);
      commands.configure = async (change, revision) => ({ settings: await configure(inputs, writer, clock, change, revision), tick: tagger.info.tick });
      report({ kind: 'ready', info, settings: inputs.settings(), kernel: kernels.kind });
      if (!info.freeRunning && !setup.freeRun) await commands.go;
      if (!ring.stopped) {
        report({ kind: 'streaming' });
        const ticking = setInterval(() => writer.tick(), tickMs);
        const telling = setInterval(() => { tellSource(tagger, clock); }, sourceEveryMs);
        try {
          await tagger.run(clock, commands.stop.signal);
        } finally {
          clearInterval(ticking);
          clearInterval(telling);
          tellSource(tagger, clock);
          writer.finish();
        }
        ring.end(ring.stopped ? 'broken' : 'source');
      }
      report({ kind: 'ended', ledger: writer.ledger.snapshot() });
      // Settings can still be read and changed until the line is taken down.
      await commands.stopped;
    } finally {
      await tagger[Symbol.asyncDispose]();
    }
  } catch (error) {
    if (toNote(error).code === 'internal') console.error('ingest:', error);
    report({ kind: 'failed', error: toNote(error), ledger: sink?.ledger.snapshot() });
  } finally {
    commands.close();
  }
}

/** Commands of the main thread, in the order they came. */
class Commands {
  readonly stop = new AbortController();
  readonly go: Promise<void>;
  readonly stopped: Promise<void>;
  configure: ((change: Settings, revision: number) => Promise<{ settings: Settings; tick: Tick }>) | undefined;
  #queue: Promise<void> = Promise.resolve();

  constructor() {
    const go = Promise.withResolvers<void>();
    const stopped = Promise.withResolvers<void>();
    this.go = go.promise;
    this.stopped = stopped.promise;
    parentPort?.on('message', (command: IngestCommand) => {
      if (command.kind === 'configure') {
        this.#queue = this.#queue.then(() => this.#configure(command));
        return;
      }
      go.resolve();
      if (command.kind === 'stop') {
        this.stop.abort();
        stopped.resolve();
      }
    });
  }

  close(): void { parentPort?.close(); }

  async #configure({ call, change, revision }: Extract<IngestCommand, { kind: 'configure' }>): Promise<void> {
    try {
      if (!this.configure) throw new TaggerError('unavailable', 'Cannot change settings: the tagger is not open yet.');
      report({ kind: 'configured', call, ...await this.configure(change, revision) });
    } catch (error) {
      report({ kind: 'refused', call, error: toNote(error) });
    }
  }
}

/** Applies a change and marks at tag time which channels it touched. */
async function configure(inputs: SoftwareInputs, sink: IngestSink, clock: ReferenceClockSink, change: Settings, revision: number): Promise<Settings> {
  const { applied, rules, follow } = await inputs.configure(change);
  if (rules) sink.condition(rules);
  if (follow) clock.follow(follow.clock);
  const numbers = Object.keys(change.channels ?? {}).map(Number);
  const indexes = numbers.map(number => inputs.info.channels.findIndex(channel => channel.number === number)).filter(index => index >= 0);
  // A setting of the whole tagger touches every channel: the empty list.
  const everywhere = change.tagger !== undefined && Object.keys(change.tagger).length > 0;
  sink.settings(sink.nowPs, revision, everywhere ? [] : indexes);
  return applied;
}

function tellSource(tagger: Tagger, clock: ReferenceClockSink): void {
  report({ kind: 'source', progress: tagger.progress?.(), detail: tagger.detail?.(), phase: tagger.phase?.(), clock: clock.state });
}

/** Losses can come thousands a second; the first is told at once, then at most ten a second with their number. */
function lossReporter(): (loss: Parameters<Ledger['lost']>[0]) => void {
  let toldAt = -Infinity;
  let intervals = 0;
  return ({ grade, place }) => {
    intervals++;
    const now = performance.now();
    if (now - toldAt < 100) return;
    toldAt = now;
    report({ kind: 'loss', grade, place, intervals });
    intervals = 0;
  };
}

function report(message: IngestReport): void { parentPort?.postMessage(message, []); }
