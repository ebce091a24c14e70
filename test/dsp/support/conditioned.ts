// test/dsp/support/conditioned.ts - input conditioning as the textbook has it: one list through three stages, in BigInt.
import type { Conditioning } from '../../../app/dsp/conditioning.ts';
import type { Random } from '../../support/random.ts';

interface Tag { timePs: bigint; channel: number }

/** What is left of one uninterrupted stretch. */
export function conditioned<T extends Tag>(stretch: readonly T[], rules: Conditioning): T[] {
  return dead(divided(filtered(stretch, rules), rules), rules);
}

/** A tag passes if a trigger lies between it and the tag of its channel before it, whether that one passed or not. */
export function filtered<T extends Tag>(tags: readonly T[], { trigger, filtered: some }: Conditioning): T[] {
  return tags.filter(({ channel }, i) => {
    if (!some.includes(channel)) return true;
    for (let k = i - 1; k >= 0 && tags[k]!.channel !== channel; k--) if (trigger.includes(tags[k]!.channel)) return true;
    return false;
  });
}

export function divided<T extends Tag>(tags: readonly T[], { dividers }: Conditioning): T[] {
  return tags.filter(({ channel }, i) => tags.slice(0, i).filter(tag => tag.channel === channel).length % (dividers[channel] ?? 1) === 0);
}

export function dead<T extends Tag>(tags: readonly T[], { deadTimesPs }: Conditioning): T[] {
  const accepted: T[] = [];
  for (const tag of tags) {
    const last = accepted.findLast(({ channel }) => channel === tag.channel);
    if (!last || tag.timePs >= last.timePs + BigInt(deadTimesPs[tag.channel] ?? 0)) accepted.push(tag);
  }
  return accepted;
}

/** Each stage alone, or any of them together. */
export function randomRules(random: Random, channels: number, only?: 'filter' | 'divider' | 'dead'): Conditioning {
  const use = (stage: typeof only): boolean => (only === undefined ? random.chance(0.7) : only === stage);
  const roles = Array.from({ length: channels }, () => (use('filter') ? random.integer(0, 2) : 0));
  const has = roles.includes(1) && roles.includes(2);
  const inRole = (wanted: number): number[] => (has ? roles.flatMap((role, channel) => (role === wanted ? [channel] : [])) : []);
  return {
    trigger: inRole(1), filtered: inRole(2),
    dividers: Array.from({ length: channels }, () => (use('divider') ? random.pick([1, 2, 3, 10, 65_535]) : 1)),
    deadTimesPs: Array.from({ length: channels }, () => (use('dead') ? random.pick([0, 1, 500, 5000, 1e12]) : 0)),
  };
}
