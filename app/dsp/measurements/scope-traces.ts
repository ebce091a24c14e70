// dsp/measurements/scope-traces.ts - traces of a Scope out of its rows, on the results thread: whatever is over is kept until it is cleared.
import type { CheckedConfig, ScopeData } from '../../core/measurements.ts';
import { scopeRow } from '../kernels/twin-scope.ts';
import { viewsOf, type Views } from '../kernels/words.ts';
import type { Payload, Totals, Workspace } from '../measurement.ts';
import { channelsOf, numberOf } from './config.ts';

const isRising = (channel: number): boolean => channel >= 0;

/** Inputs in the order of their first channel, and the role of each channel: its input and which way it goes. */
export function rolesOf(channels: readonly number[]): { inputs: readonly number[]; roles: readonly number[] } {
  const inputs = [...new Set(channels.map(Math.abs))];
  return { inputs, roles: channels.map(channel => 2 * inputs.indexOf(Math.abs(channel)) + (isRising(channel) ? 1 : 0)) };
}

interface Trace { triggerPs: bigint; lengthPs: number; isCut: boolean; levels: Int8Array; roles: number[]; timesPs: number[]; dropped: number }

export class ScopeTotals implements Totals {
  readonly #config: CheckedConfig;
  readonly #channels: readonly number[];
  readonly #roles: readonly number[];
  readonly #inputs: number;
  readonly #views: () => Views;
  #over: Trace[] = [];
  #open: Trace | undefined;
  #early: { timePs: bigint; role: number }[] = [];
  #triggered = 0;
  #rebasedPs = 0n;

  constructor(config: CheckedConfig, { memory }: Pick<Workspace, 'memory'>) {
    const { inputs, roles } = rolesOf(channelsOf(config));
    this.#config = config;
    this.#channels = channelsOf(config);
    this.#roles = roles;
    this.#inputs = inputs.length;
    this.#views = viewsOf(memory);
  }

  take(payload: Payload): void {
    if (payload.kind !== 'delta') return;
    const rebasedPs = payload.scalars['rebasedPs'] as bigint, byPs = rebasedPs - this.#rebasedPs;
    this.#rebasedPs = rebasedPs;
    this.#triggered = payload.scalars['triggered'] as number;
    for (const each of [...this.#over, ...this.#open ? [this.#open] : []]) each.triggerPs -= byPs;
    for (const each of this.#early) each.timePs -= byPs;
    const { i64, u32 } = this.#views();
    for (let i = 0, at = payload.at; i < payload.entries; i++, at += scopeRow.bytes) this.#row(i64[at / 8]!, u32[at / 4 + 2]!, u32[at / 4 + 3]!);
  }

  clear(): void {
    this.#over = [];
    this.#open = undefined;
    this.#early = [];
    this.#triggered = 0;
  }

  evaluate(getter: string): unknown {
    const traces = numberOf(this.#config, 'traces');
    switch (getter) {
      case 'getData': return this.#data();
      case 'getChannels': return this.#data().channels;
      case 'getTraces': return this.#data().traces;
      case 'getTimes': return this.#data().timePs;
      case 'getStates': return this.#data().states;
      case 'getTriggerTimes': return this.#data().triggerPs;
      case 'getLengths': return this.#data().lengthPs;
      case 'getCut': return this.#data().cut;
      case 'getLevels': return this.#data().levels;
      case 'getDropped': return this.#data().dropped;
      case 'ready': return this.#over.length >= (traces || 1);
      case 'triggered': return this.#triggered;
      case 'getWindowSize': return numberOf(this.#config, 'windowPs');
      default: throw new Error(`no getter ${getter}`);
    }
  }

  #row(timePs: bigint, code: number, count: number): void {
    const role = code >> 8, open = this.#open;
    switch (code & 255) {
      case scopeRow.early:
        if (this.#early[0]?.timePs !== timePs) this.#early = [];
        this.#early.push({ timePs, role });
        break;
      case scopeRow.trigger: {
        const early = this.#early.filter(each => each.timePs === timePs);
        // An open one lost its end to a later trace.
        this.#open = {
          triggerPs: timePs, lengthPs: 0, isCut: false, levels: new Int8Array(this.#inputs).fill(2), roles: early.map(each => each.role), timesPs: early.map(() => 0), dropped: 0,
        };
        this.#early = [];
        break;
      }
      case scopeRow.level:
        open!.levels[role >> 1] = role & 1;
        break;
      case scopeRow.edge:
        open!.roles.push(role);
        open!.timesPs.push(Number(timePs - open!.triggerPs));
        break;
      default:
        open!.lengthPs = Number(timePs - open!.triggerPs);
        open!.isCut = (code & 255) === scopeRow.cut;
        open!.dropped = count;
        if (numberOf(this.#config, 'traces') === 0) this.#over = [];
        this.#over.push(open!);
        this.#open = undefined;
    }
  }

  #data(): ScopeData {
    const over = this.#over, roles = over.flatMap(trace => trace.roles);
    return {
      size: roles.length, dropped: over.reduce((sum, { dropped }) => sum + dropped, 0),
      channels: Int32Array.from(roles, role => this.#channels[this.#roles.indexOf(role)]!), states: Int8Array.from(roles, role => role & 1),
      traces: Int32Array.from(over.flatMap((trace, i) => trace.roles.map(() => i))), timePs: Float64Array.from(over.flatMap(trace => trace.timesPs)),
      triggerPs: BigInt64Array.from(over, trace => trace.triggerPs), lengthPs: Float64Array.from(over, trace => trace.lengthPs), cut: Int8Array.from(over, trace => Number(trace.isCut)),
      levels: Int8Array.from(over.flatMap(({ levels }) => this.#roles.map(role => levels[role >> 1]!))),
    };
  }
}
