// dsp/measurements/coincidence-rates.ts - CoincidenceRates: what every laboratory of photon pairs computes from its coincidences.
//
// Three counts over the same live time. Coincidences as the tags come. Coincidences with each channel later by another multiple of
// a shift: accidental ones alone. And for sets of three, tags of the first channel (heralds) with a tag of the second, of the third,
// and of both within the window on either side: only heralds whose whole window was seen, so that each is one fair trial.
import type { CheckedConfig } from '../../core/measurements.ts';
import { coincideList, coincidePlan, coincideState, writeCoincidePlan, writeCoincideState } from '../kernels/groups-layout.ts';
import type { Measurement, MeasurementClass, Payload, Segment, Workspace } from '../measurement.ts';
import { CoincidenceTotals } from './coincidence-figures.ts';
import { groupsOf, numberOf } from './config.ts';
import { OpenTimes, keepFor } from './open-times.ts';
import { RegionPlan } from './region.ts';
import { Tally } from './tally.ts';

const endOfTimePs = 2n ** 63n - 1n;

/** Channels by slot, groups as slots, and the shift of each slot: the same for a channel in all its groups. */
export function coincidencesOf(config: CheckedConfig) {
  const windowPs = numberOf(config, 'windowPs'), given = numberOf(config, 'shiftPs'), shiftPs = given === 0 ? 10 * windowPs : given;
  const groups = groupsOf(config, 'groups'), channels = [...new Set(groups.flat())];
  const slots = groups.map(group => group.map(channel => channels.indexOf(channel)));
  return { windowPs, shiftPs, channels, groups: slots, heralded: slots.filter(group => group.length === 3) };
}

function layoutOf(config: CheckedConfig) {
  const { windowPs, shiftPs, channels, groups, heralded } = coincidencesOf(config);
  const region = new RegionPlan(), keep = channels.map((_, slot) => keepFor(Math.max(slot * shiftPs, 2 * windowPs) + 1));
  return {
    keep, plan: region.part(coincidePlan.bytes), prompt: region.part(coincideState.bytes * groups.length), shifted: region.part(coincideState.bytes * groups.length),
    table: region.part(coincideList.bytes * channels.length), heralds: region.part(32 * heralded.length + 8),
    lists: keep.map(each => region.part(OpenTimes.bytes(each))), bytes: region.bytes,
  };
}

class CoincidenceRatesMeasurement implements Measurement {
  readonly done = false;
  droppedStarts = 0;
  readonly #workspace: Workspace;
  readonly #layout: ReturnType<typeof layoutOf>;
  readonly #set: ReturnType<typeof coincidencesOf>;
  readonly #indexes: readonly number[];
  readonly #lists: readonly OpenTimes[];
  /** Most tags that every list can take at once. */
  readonly #step: number;
  readonly #tally: Tally;
  /** Per group, time during which all of its shifted channels were seen. */
  readonly #shiftedPs: Float64Array;
  #openPs = 0;
  #fresh = true;

  constructor(config: CheckedConfig, workspace: Workspace) {
    const set = coincidencesOf(config), layout = layoutOf(config), { memory, at } = workspace;
    this.#workspace = workspace;
    this.#set = set;
    this.#layout = layout;
    this.#indexes = set.channels.map(channel => workspace.indexOf(channel));
    writeCoincidePlan(memory, this.#planAt, { windowPs: set.windowPs, indexes: this.#indexes, groups: set.groups });
    for (const part of [layout.prompt, layout.shifted]) writeCoincideState(memory, at + part.offset, set.groups);
    this.#lists = layout.lists.map((part, slot) => new OpenTimes(workspace, at + part.offset, layout.keep[slot]!));
    this.#step = Math.min(...layout.keep);
    this.#tally = new Tally(workspace, this.#indexes);
    this.#shiftedPs = new Float64Array(set.groups.length);
  }

  process(segment: Segment): void {
    const { timesAt, channelsAt, n, fromPs, toPs } = segment, { kernels, memory, at } = this.#workspace;
    if (this.#fresh) {
      this.#fresh = false;
      this.#write({ doneTo: fromPs, heraldFrom: fromPs + BigInt(this.#set.windowPs) });
    }
    this.#tally.add(segment);
    this.#openPs += Number(toPs - fromPs);
    kernels.countGroups(timesAt, channelsAt, n, this.#planAt, at + this.#layout.prompt.offset);
    for (let i = 0; i < n || i === 0; i += this.#step) {
      const count = Math.min(this.#step, n - i), isLast = i + count >= n, lastAt = timesAt + 8 * (i + count - 1);
      this.#lists.forEach((list, slot) => list.append(timesAt + 8 * i, channelsAt + i, count, this.#indexes[slot]!));
      this.#advance(isLast ? toPs : new DataView(memory.buffer, lastAt, 8).getBigInt64(0, true));
    }
  }

  endSegment(): void {
    if (!this.#fresh) this.#merge(endOfTimePs);
    for (const list of this.#lists) list.clear();
    this.#shiftedPs.set(this.#withOpen());
    this.#openPs = 0;
    this.#fresh = true;
    this.#eachState(state => { state.setUint32(coincideState.mask, 0, true); });
  }

  clear(): void {
    for (const list of this.#lists) list.clear();
    this.#shiftedPs.fill(0);
    this.#openPs = 0;
    this.#fresh = true;
    this.#eachState(state => {
      state.setUint32(coincideState.mask, 0, true);
      state.setBigUint64(coincideState.count, 0n, true);
    });
    new Uint8Array(this.#workspace.memory.buffer, this.#heraldsAt, this.#layout.heralds.bytes).fill(0);
    this.#tally.clear();
    this.droppedStarts = 0;
  }

  rebase(byPs: bigint): void {
    const earlier = (view: DataView, offset: number): void => view.setBigInt64(offset, view.getBigInt64(offset, true) - byPs, true);
    for (const list of this.#lists) list.rebase(byPs);
    for (const time of ['doneTo', 'heraldFrom'] as const) earlier(this.#plan, coincidePlan[time]);
    this.#eachState((state, size) => { for (let place = 0; place < size; place++) earlier(state, coincideState.latest + 8 * place); });
  }

  publish(): Payload {
    const prompt: number[] = [], shifted: number[] = [];
    this.#eachState((state, _, isShifted) => { (isShifted ? shifted : prompt).push(Number(state.getBigUint64(coincideState.count, true))); });
    const heralds = Array.from(new BigUint64Array(this.#workspace.memory.buffer, this.#heraldsAt, 4 * this.#set.heralded.length), Number);
    return { kind: 'copy', data: new ArrayBuffer(0), scalars: { singles: [...this.#tally.total], prompt, shifted, shiftedPs: [...this.#withOpen()], heralds } };
  }

  get tags(): number { return this.#tally.tags; }

  /** Everything before `untilPs` has been listed. */
  #advance(untilPs: bigint): void {
    const { kernels } = this.#workspace, { windowPs, shiftPs, heralded } = this.#set, heraldTo = untilPs - BigInt(windowPs);
    this.#merge(untilPs);
    this.#write({ heraldTo });
    heralded.forEach((group, k) => {
      const [one, two, three] = group.map(slot => this.#lists[slot]!) as [OpenTimes, OpenTimes, OpenTimes];
      kernels.countHeralds(one.at, one.n, two.at, two.n, three.at, three.n, this.#planAt, this.#heraldsAt + 32 * k);
    });
    if (heraldTo > this.#plan.getBigInt64(coincidePlan.heraldFrom, true)) this.#write({ heraldFrom: heraldTo });
    // Kept: what is not merged yet, and what heralds still to come may look back to.
    this.#lists.forEach((list, slot) => {
      this.droppedStarts += list.trim(this.#planAt + coincidePlan.until, Math.max(slot * shiftPs, heralded.length > 0 ? 2 * windowPs : 0) + 1);
    });
  }

  #merge(untilPs: bigint): void {
    const { kernels, memory, at } = this.#workspace, tableAt = at + this.#layout.table.offset, { channels, shiftPs } = this.#set;
    const table = new DataView(memory.buffer, tableAt, coincideList.bytes * channels.length);
    this.#lists.forEach((list, slot) => {
      const entry = coincideList.bytes * slot;
      table.setUint32(entry + coincideList.at, list.at, true);
      table.setUint32(entry + coincideList.n, list.n, true);
      table.setBigInt64(entry + coincideList.shift, BigInt(slot * shiftPs), true);
    });
    this.#write({ until: untilPs });
    kernels.countShifted(tableAt, channels.length, this.#planAt, at + this.#layout.shifted.offset);
    this.#write({ doneTo: untilPs });
  }

  #withOpen(): Float64Array {
    return this.#shiftedPs.map((ps, g) => {
      const slots = this.#set.groups[g]!;
      return ps + Math.max(0, this.#openPs - (Math.max(...slots) - Math.min(...slots)) * this.#set.shiftPs);
    });
  }

  #write(times: Partial<Record<'doneTo' | 'until' | 'heraldFrom' | 'heraldTo', bigint>>): void {
    const plan = this.#plan;
    for (const [name, timePs] of Object.entries(times)) plan.setBigInt64(coincidePlan[name as keyof typeof times], timePs, true);
  }

  #eachState(act: (state: DataView, size: number, isShifted: boolean) => void): void {
    const { memory, at } = this.#workspace, { prompt, shifted } = this.#layout;
    for (const part of [prompt, shifted]) {
      this.#set.groups.forEach((group, g) => {
        act(new DataView(memory.buffer, at + part.offset + coincideState.bytes * g, coincideState.bytes), group.length, part === shifted);
      });
    }
  }

  get #planAt(): number { return this.#workspace.at + this.#layout.plan.offset; }
  get #plan(): DataView { return new DataView(this.#workspace.memory.buffer, this.#planAt, coincidePlan.bytes); }
  get #heraldsAt(): number { return this.#workspace.at + this.#layout.heralds.offset; }
}

export const coincidenceRates: MeasurementClass = {
  bytes: config => layoutOf(config).bytes,
  create: (config, workspace) => new CoincidenceRatesMeasurement(config, workspace),
  totals: config => new CoincidenceTotals(config),
};
