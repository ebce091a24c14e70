// driver/simulated/faults.ts - when something goes wrong: the plan of lost intervals, restarts and backward steps.
//
// Times are stream time since the start of the run. One plan serves one run and is asked slice by slice.
import { worseGrade, type LossGrade } from '../../core/tags.ts';
import type { SimulatedFaults } from '../../core/tagger.ts';

export type Fault =
  | { kind: 'loss'; atPs: bigint; grade: LossGrade }
  /** The grade of all of it, which may be worse than that of its beginning. */
  | { kind: 'loss-end'; atPs: bigint; grade: LossGrade }
  | { kind: 'epoch'; atPs: bigint }
  /** Tags in the next `byPs` carry times that are too early by so much. */
  | { kind: 'backward'; atPs: bigint; byPs: number }
  | { kind: 'backward-end'; atPs: bigint };

interface RecurringLoss extends Recurring { lengthPs: bigint; grade: LossGrade }
interface Recurring { everyPs: bigint; nextPs: bigint }

export class FaultPlan {
  readonly #losses: RecurringLoss[];
  readonly #epoch: Recurring | undefined;
  readonly #backward: (Recurring & { byPs: number }) | undefined;
  #open: { toPs: bigint; grade: LossGrade } | undefined;
  #pending: Fault[] = [];

  constructor(faults: SimulatedFaults = {}) {
    this.#losses = (faults.losses ?? []).map(({ everyPs, lengthPs, grade }) => ({ ...recurring(everyPs), lengthPs: BigInt(lengthPs), grade }));
    if (faults.epochEveryPs !== undefined) this.#epoch = recurring(faults.epochEveryPs);
    if (faults.backward) this.#backward = { ...recurring(faults.backward.everyPs), byPs: faults.backward.byPs };
  }

  /** Grade of the loss that goes on. */
  get lossGrade(): LossGrade | undefined { return this.#open?.grade; }

  /** What happens before `endPs`, in order; each fault is given once. */
  until(endPs: bigint): Fault[] {
    this.#planLosses(endPs);
    for (const atPs of occurrences(this.#epoch, endPs)) this.#pending.push({ kind: 'epoch', atPs });
    const backward = this.#backward;
    if (backward) {
      const { byPs } = backward;
      for (const atPs of occurrences(backward, endPs)) this.#pending.push({ kind: 'backward', atPs, byPs }, { kind: 'backward-end', atPs: atPs + BigInt(byPs) });
    }
    if (this.#pending.length === 0) return this.#pending;
    this.#pending.sort((a, b) => (a.atPs < b.atPs ? -1 : a.atPs > b.atPs ? 1 : 0));
    const due = this.#pending.filter(fault => fault.atPs < endPs);
    this.#pending = this.#pending.slice(due.length);
    return due;
  }

  /** Intervals that touch are one, of the worst grade; how far one goes is not known before it ends. */
  #planLosses(endPs: bigint): void {
    for (;;) {
      const next = this.#losses.reduce<RecurringLoss | undefined>((best, each) => (!best || each.nextPs < best.nextPs ? each : best), undefined);
      const open = this.#open;
      if (open && open.toPs < endPs && (!next || next.nextPs > open.toPs)) {
        this.#pending.push({ kind: 'loss-end', atPs: open.toPs, grade: open.grade });
        this.#open = undefined;
      }
      if (!next || next.nextPs >= endPs) return;
      const toPs = next.nextPs + next.lengthPs;
      if (this.#open) {
        this.#open.grade = worseGrade(this.#open.grade, next.grade) as LossGrade;
        if (toPs > this.#open.toPs) this.#open.toPs = toPs;
      } else {
        this.#pending.push({ kind: 'loss', atPs: next.nextPs, grade: next.grade });
        this.#open = { toPs, grade: next.grade };
      }
      next.nextPs += next.everyPs;
    }
  }
}

function recurring(everyPs: number): Recurring { return { everyPs: BigInt(everyPs), nextPs: BigInt(everyPs) }; }

function* occurrences(series: Recurring | undefined, endPs: bigint): Generator<bigint> {
  if (!series) return;
  for (; series.nextPs < endPs; series.nextPs += series.everyPs) yield series.nextPs;
}
