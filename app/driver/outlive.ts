// driver/outlive.ts - a run that outlives its source: a device that is unplugged, a bridge that dies.
//
// While the source is away the stream is in overflow. When it is back what was missed is a flagged interval, told in the host's clock, and the
// source's own clock begins a new epoch.
import { isTaggerError, type TaggerError } from '../core/errors.ts';
import type { TagSink } from '../core/tags.ts';

export interface Source {
  /** Every tag before this stream time was handed on. */
  readonly positionPs: bigint;
  /** Resolves when it was stopped or has ended; rejects with a TaggerError when it broke off. */
  stream(originPs: bigint): Promise<void>;
  /** What people are told while it is away; undefined: it is back. */
  away(reason: string | undefined): void;
  letGo(): Promise<void>;
  /** One attempt, at the earliest after `waitMs`. False: it is not there yet, and nothing was tried. @throws {TaggerError} it could not be opened */
  reopen(waitMs: number): Promise<boolean>;
}

/** Another attempt after a fault comes this much later, doubled each time up to the largest. */
const retryMs = { first: 100, largest: 5000 } as const;
/** The host's clock tells when a source came back, to about this. */
const returnUncertaintyPs = 1e9;
/** A source that fails so often without having sent anything is not tried any further. */
const mostFaults = 20;

/** Resolves when it was stopped or the source has ended. @throws {TaggerError} after too many faults; whatever is a bug */
export async function outlive(sink: TagSink, stopped: () => boolean, source: Source): Promise<void> {
  let originPs = 0n;
  sink.heartbeat(originPs);
  for (let faults = 0; !stopped();) {
    const failure = await failureOf(source.stream(originPs), stopped);
    if (failure === undefined) return;
    const { positionPs } = source, sincePs = positionPs > originPs ? positionPs : originPs, sinceMs = performance.now();
    faults = sincePs > originPs ? 1 : faults + 1;
    if (faults > mostFaults) throw failure;
    sink.losing(sincePs, 'usb');
    source.away(reasonOf(failure));
    await source.letGo();
    const isBack = await comeBack(stopped, source, faults);
    originPs = sincePs + BigInt(Math.max(1, Math.round((performance.now() - sinceMs) * 1e9)));
    sink.lost({ grade: 'flagged', place: 'usb', fromPs: sincePs, toPs: originPs });
    if (!isBack) return;
    sink.epoch(originPs, returnUncertaintyPs);
    source.away(undefined);
  }
}

async function failureOf(streaming: Promise<void>, stopped: () => boolean): Promise<TaggerError | undefined> {
  try {
    await streaming;
    return undefined;
  } catch (error) {
    // A bug is not cured by trying again.
    if (!isTaggerError(error)) throw error;
    return stopped() ? undefined : error;
  }
}

/** Tries again, later and later, until the source is there (true) or the run ends. */
async function comeBack(stopped: () => boolean, source: Source, faults: number): Promise<boolean> {
  let waitMs: number = Math.min(retryMs.first * 2 ** (faults - 1), retryMs.largest);
  while (!stopped()) {
    try {
      if (await source.reopen(waitMs)) return true;
    } catch (error) {
      if (!isTaggerError(error)) throw error;
      source.away(reasonOf(error));
      await source.letGo();
      waitMs = Math.min(2 * waitMs, retryMs.largest);
    }
  }
  return false;
}

function reasonOf({ message, hint = '' }: TaggerError): string { return `${message} ${hint}`.trim(); }
