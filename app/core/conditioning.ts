// core/conditioning.ts - input conditioning in words: what can be set on the inputs of any tagger, and the check of it.
import { describe } from './arguments.ts';
import { TaggerError } from './errors.ts';

/** Tags of the filtered channels pass only if they are the first of their channel after a tag of a trigger channel. */
export interface ConditionalFilter { trigger: readonly number[]; filtered: readonly number[] }

export const noFilter: ConditionalFilter = { trigger: [], filtered: [] };

export function isFilter(value: unknown): value is ConditionalFilter {
  return typeof value === 'object' && value !== null && 'trigger' in value && 'filtered' in value;
}

/**
 * Two lists of known channels that have none in common, or both empty: no filter.
 * @throws {TaggerError} `usage` or `not-found`
 */
export function checkFilter(action: string, value: unknown, numbers: readonly number[]): ConditionalFilter {
  const wrong = (problem: string): TaggerError => new TaggerError('usage', `Cannot ${action}: ${problem}.`, {
    hint: 'Give {trigger, filtered}: two lists of channels that have none in common; both empty turns the filter off.',
  });
  if (!isFilter(value) || Object.keys(value).length !== 2) throw wrong(`a conditional filter is an object with trigger and filtered, got ${describe(value)}`);
  const seen = new Set<number>();
  for (const key of ['trigger', 'filtered'] as const) {
    const list: unknown = value[key];
    if (!Array.isArray(list)) throw wrong(`${key} must be a list of channels, got ${describe(list)}`);
    for (const channel of list as unknown[]) {
      if (typeof channel !== 'number' || !numbers.includes(channel)) {
        throw new TaggerError('not-found', `Cannot ${action}: there is no channel ${describe(channel)}.`, { hint: `This tagger has the channels ${numbers.join(', ')}.` });
      }
      if (seen.has(channel)) throw wrong(`channel ${channel} stands in it twice`);
      seen.add(channel);
    }
  }
  const { trigger, filtered } = value;
  if ((trigger.length === 0) !== (filtered.length === 0)) throw wrong(`it has ${trigger.length === 0 ? 'filtered channels but no trigger' : 'triggers but no filtered channel'}`);
  return { trigger: [...trigger], filtered: [...filtered] };
}
