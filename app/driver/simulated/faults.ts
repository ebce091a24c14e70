// driver/simulated/faults.ts - when something goes wrong: the plan of lost intervals, restarts and backward steps.
//
// Times are stream time since the start of the run. One plan serves one run and is asked slice by slice.
import { worseGrade, type LossGrade } from '../../core/tags.ts';
import type { SimulatedFaults } from '../../core/tagger.ts';

export type Fault =
  | { kind: 'loss'; atPs: bigint; toPs: bigint; grade: LossGrade }
  | { kind: 'loss-end'; atPs: bigint }
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
  #pending: Fault[] = [];

  constructor(faults: SimulatedFaults = {}) {
    this.#losses = (faults.losses ?? []).map(({ everyPs, lengthPs, grade }) => ({ ...recurring(everyPs), lengthPs: BigInt(lengthPs), grade }));
    if (faults.epochEveryPs !== undefined) this.#epoch = recurring(faults.epochEveryPs);
    if (faults.backward) this.#backward = { ...recurring(faults.backward.everyPs), byPs: faults.backward.byPs };
  }

  /** What happens before `endPs`, in order; each fault is given once. */
  until(endPs: bigint): Fault[] {
    for (let loss = this.#nextLoss(endPs); loss; loss = this.#nextLoss(endPs)) this.#pending.push(loss, { kind: 'loss-end', atPs: loss.toPs });
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

  /** The next interval that begins before `endPs`; intervals that touch are one, of the worst grade. */
  #nextLoss(endPs: bigint): Extract<Fault, { kind: 'loss' }> | undefined {
    let loss: Extract<Fault, { kind: 'loss' }> | undefined;
    for (;;) {
      const next = this.#losses.reduce<RecurringLoss | undefined>((best, each) => (!best || each.nextPs < best.nextPs ? each : best), undefined);
      if (!next || next.nextPs > (loss ? loss.toPs : endPs - 1n)) return loss;
      const toPs = next.nextPs + next.lengthPs;
      loss = loss
        ? { ...loss, toPs: toPs > loss.toPs ? toPs : loss.toPs, grade: worseGrade(loss.grade, next.grade) as LossGrade }
        : { kind: 'loss', atPs: next.nextPs, toPs, grade: next.grade };
      next.nextPs += next.everyPs;
    }
  }
}

function recurring(everyPs: number): Recurring { return { everyPs: BigInt(everyPs), nextPs: BigInt(everyPs) }; }

function* occurrences(series: Recurring | undefined, endPs: bigint): Generator<bigint> {
  if (!series) return;
  for (; series.nextPs < endPs; series.nextPs += series.everyPs) yield series.nextPs;
}
