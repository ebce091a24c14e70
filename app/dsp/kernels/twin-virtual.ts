// dsp/kernels/twin-virtual.ts - twins of the kernels that make virtual channels out of the tags of a block: merge, gate,
// coincidences, patterns, middles, rates. Coincidences look at every tag: where the other form skips, this one does not.
import type { KernelSet } from './kernels.ts';
import { coincideAllPlan, coincidePlan, middlesPlan, passPlan, patternsPlan, switchPlan, virtualPlan } from './virtual-layout.ts';
import { addTo, difference, type Views } from './words.ts';

type Names = 'mergeTags' | 'passTags' | 'coincide' | 'coincideAll' | 'findPatterns' | 'findMiddles' | 'switchOnRate';

/** Copies the int64 at word `from` to word `into`. */
export function copyTime({ u32, i32 }: Views, from: number, into: number): void {
  u32[into] = u32[from]!;
  i32[into + 1] = i32[from + 1]!;
}

export function virtualKernels(views: () => Views): Pick<KernelSet, Names> {
  return {
    mergeTags(timesAt, channelsAt, n, fromTimesAt, fromChannelsAt, m) {
      const all = views(), { u8, u32, i32 } = all;
      const times = timesAt / 4, fromTimes = fromTimesAt / 4;
      let old = n - 1;
      for (let from = m - 1; from >= 0; from--) {
        const channel = u8[fromChannelsAt + from]!;
        for (; old >= 0; old--) {
          const later = difference(u32, i32, times + 2 * old, fromTimes + 2 * from) || u8[channelsAt + old]! - channel;
          if (later <= 0) break;
          copyTime(all, times + 2 * old, times + 2 * (old + from + 1));
          u8[channelsAt + old + from + 1] = u8[channelsAt + old]!;
        }
        copyTime(all, fromTimes + 2 * from, times + 2 * (old + from + 1));
        u8[channelsAt + old + from + 1] = channel;
      }
    },

    passTags(timesAt, channelsAt, n, _untilAt, planAt, intoTimesAt, intoChannelsAt, room) {
      const all = views(), { u8, u32 } = all;
      if (n > room) return -1;
      let open = u32[(planAt + passPlan.open) / 4]!, made = 0;
      for (let i = 0; i < n; i++) {
        const role = u8[planAt + u8[channelsAt + i]!]!;
        if ((role & 1) !== 0 && open === 1) copyTime(all, timesAt / 4 + 2 * i, intoTimesAt / 4 + 2 * made++);
        if ((role & 2) !== 0) open = 1;
        if ((role & 4) !== 0) open = 0;
      }
      u32[(planAt + passPlan.open) / 4] = open;
      u8.fill(u32[(planAt + virtualPlan.out) / 4]!, intoChannelsAt, intoChannelsAt + made);
      return made;
    },

    coincide(timesAt, channelsAt, n, _untilAt, planAt, intoTimesAt, intoChannelsAt, room) {
      const all = views(), { u8, u32, i32, f64 } = all;
      if (n > room) return -1;
      const members = u32[(planAt + coincidePlan.members) / 4]!, stamp = u32[(planAt + coincidePlan.stamp) / 4]!, windowPs = f64[(planAt + coincidePlan.windowPs) / 8]!;
      const last = (planAt + coincidePlan.last) / 4;
      let made = 0;
      for (let i = 0; i < n; i++) {
        const member = u8[planAt + u8[channelsAt + i]!]! - 1, time = timesAt / 4 + 2 * i;
        if (member < 0) continue;
        copyTime(all, time, last + 2 * member);
        let span = 0, sum = 0;
        for (let m = 0; m < members; m++) {
          const ago = difference(u32, i32, time, last + 2 * m);
          if (ago > span) span = ago;
          sum += ago;
        }
        if (span > windowPs) continue;
        const into = intoTimesAt / 4 + 2 * made++;
        copyTime(all, stamp === 3 ? last : time, into);
        if (stamp === 1) addTo(u32, i32, into, -Math.ceil(sum / members));
        else if (stamp === 2) addTo(u32, i32, into, -span);
        for (let m = 0; m < members; m++) {
          copyTime(all, time, last + 2 * m);
          addTo(u32, i32, last + 2 * m, -windowPs - 1);
        }
      }
      u8.fill(u32[(planAt + virtualPlan.out) / 4]!, intoChannelsAt, intoChannelsAt + made);
      return made;
    },

    coincideAll(timesAt, channelsAt, n, _untilAt, planAt, intoTimesAt, intoChannelsAt, room) {
      const all = views(), { u8, u32, i32, f64 } = all;
      const members = u32[(planAt + coincideAllPlan.members) / 4]!, stamp = u32[(planAt + coincideAllPlan.stamp) / 4]!, windowPs = f64[(planAt + coincideAllPlan.windowPs) / 8]!;
      const times = (planAt + coincideAllPlan.times) / 4, memberOf = planAt + coincideAllPlan.memberOf;
      let count = u32[(planAt + coincideAllPlan.count) / 4]!, made = 0;
      const choose = (member: number, own: number, time: number, span: number, sum: number, listedAgo: number): boolean => {
        if (member === members) {
          if (made === room) return false;
          const into = intoTimesAt / 4 + 2 * made++;
          copyTime(all, time, into);
          if (stamp === 1) addTo(u32, i32, into, -Math.ceil(sum / members));
          else if (stamp > 1) addTo(u32, i32, into, -(stamp === 2 ? span : listedAgo));
          return true;
        }
        if (member === own) return choose(member + 1, own, time, span, sum, listedAgo);
        for (let i = 0; i < count; i++) {
          if (u8[memberOf + i] !== member) continue;
          const ago = difference(u32, i32, time, times + 2 * i);
          if (!choose(member + 1, own, time, Math.max(span, ago), sum + ago, member === 0 ? ago : listedAgo)) return false;
        }
        return true;
      };
      for (let i = 0; i < n; i++) {
        const own = u8[planAt + u8[channelsAt + i]!]! - 1, time = timesAt / 4 + 2 * i;
        if (own < 0) continue;
        let old = 0;
        while (old < count && difference(u32, i32, time, times + 2 * old) > windowPs) old++;
        u32.copyWithin(times, times + 2 * old, times + 2 * count);
        u8.copyWithin(memberOf, memberOf + old, memberOf + count);
        count -= old;
        let seen = 1 << own;
        for (let k = 0; k < count; k++) seen |= 1 << u8[memberOf + k]!;
        if (seen + 1 === 1 << members && !choose(0, own, time, 0, 0, 0)) return -1;
        if (count === coincideAllPlan.capacity) return -1;
        copyTime(all, time, times + 2 * count);
        u8[memberOf + count++] = own;
      }
      u32[(planAt + coincideAllPlan.count) / 4] = count;
      u8.fill(u32[(planAt + virtualPlan.out) / 4]!, intoChannelsAt, intoChannelsAt + made);
      return made;
    },

    findPatterns(timesAt, channelsAt, n, untilAt, planAt, intoTimesAt, intoChannelsAt, room) {
      const all = views(), { u8, u32, i32, f64 } = all;
      if (n + 1 > room) return -1;
      const windowPs = f64[(planAt + patternsPlan.windowPs) / 8]!, out = u32[(planAt + virtualPlan.out) / 4]!;
      const first = (planAt + patternsPlan.first) / 4, last = (planAt + patternsPlan.last) / 4;
      let mask = u32[(planAt + patternsPlan.mask) / 4]!, made = 0;
      const closeBefore = (time: number): void => {
        if (mask === 0 || difference(u32, i32, time, last) <= windowPs) return;
        if (difference(u32, i32, last, first) <= windowPs) {
          copyTime(all, last, intoTimesAt / 4 + 2 * made);
          u8[intoChannelsAt + made++] = out + mask - 1;
        }
        mask = 0;
      };
      for (let i = 0; i < n; i++) {
        const role = u8[planAt + u8[channelsAt + i]!]!, time = timesAt / 4 + 2 * i;
        if (role === 0) continue;
        closeBefore(time);
        if (mask === 0) copyTime(all, time, first);
        copyTime(all, time, last);
        mask |= 1 << (role - 1);
      }
      closeBefore(untilAt / 4);
      u32[(planAt + patternsPlan.mask) / 4] = mask;
      return made;
    },

    findMiddles(timesAt, channelsAt, n, _untilAt, planAt, intoTimesAt, intoChannelsAt, room) {
      const all = views(), { u8, u32, i32, f64 } = all;
      if (n > room) return -1;
      const windowPs = f64[(planAt + middlesPlan.windowPs) / 8]!, rising = (planAt + middlesPlan.rising) / 4;
      let open = u32[(planAt + middlesPlan.open) / 4]!, made = 0;
      for (let i = 0; i < n; i++) {
        const role = u8[planAt + u8[channelsAt + i]!]!, time = timesAt / 4 + 2 * i;
        if (role === 1) copyTime(all, time, rising);
        else if (role === 2 && open === 1) {
          const width = difference(u32, i32, time, rising);
          if (width <= windowPs) {
            const into = intoTimesAt / 4 + 2 * made++;
            copyTime(all, rising, into);
            addTo(u32, i32, into, Math.floor(width / 2));
          }
        }
        if (role !== 0) open = role === 1 ? 1 : 0;
      }
      u32[(planAt + middlesPlan.open) / 4] = open;
      u8.fill(u32[(planAt + virtualPlan.out) / 4]!, intoChannelsAt, intoChannelsAt + made);
      return made;
    },

    switchOnRate(timesAt, channelsAt, n, untilAt, planAt, intoTimesAt, intoChannelsAt, room) {
      const all = views(), { u8, u32, i32, f64 } = all;
      if (2 * n + 2 > room) return -1;
      const plan = planAt / 8, state = (planAt + switchPlan.state) / 4, count = plan + switchPlan.count / 8, end = (planAt + switchPlan.end) / 4;
      const windowPs = f64[plan + switchPlan.windowPs / 8]!;
      let made = 0;
      const decide = (): void => {
        const now = f64[count]! >= f64[plan + switchPlan.above / 8]! ? 1 : f64[count]! <= f64[plan + switchPlan.below / 8]! ? 2 : 0;
        if (now === 0 || now === u32[state]) return;
        u32[state] = now;
        copyTime(all, end, intoTimesAt / 4 + 2 * made);
        u8[intoChannelsAt + made++] = u32[(planAt + virtualPlan.out) / 4]! + now - 1;
      };
      const closeUpTo = (time: number): void => {
        if (difference(u32, i32, time, end) < 0) return;
        decide();
        f64[count] = 0;
        addTo(u32, i32, end, windowPs);
        if (difference(u32, i32, time, end) >= 0) decide();
        // A difference may be too large for a double: steps that are surely not too far come first.
        for (let ahead; (ahead = difference(u32, i32, time, end)) >= 0;) {
          addTo(u32, i32, end, ahead < 2 ** 52 ? (Math.floor(ahead / windowPs) + 1) * windowPs : Math.max(1, Math.floor(2 ** 51 / windowPs)) * windowPs);
        }
      };
      for (let i = 0; i < n; i++) {
        if (u8[planAt + u8[channelsAt + i]!] === 0) continue;
        closeUpTo(timesAt / 4 + 2 * i);
        f64[count]!++;
      }
      closeUpTo(untilAt / 4);
      return made;
    },
  };
}
