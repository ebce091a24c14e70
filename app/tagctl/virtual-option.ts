// tagctl/virtual-option.ts - `--virtual '1001=coincidence channels=1,2 window=1ns'`: virtual channels on the command line.
//
// Kinds and arguments are those of the table, in kebab case without units, with values as in the options of a measurement.
// Whether they are in range is checked by the engine.
import { TaggerError } from '../core/errors.ts';
import type { Parameters } from '../core/spec.ts';
import { virtualKindNames, virtualKinds, virtualSpecOf, type VirtualChannels, type VirtualKind } from '../core/virtual.ts';
import { kebab, parse } from './measure-options.ts';

export function virtualKindOf(text: string): VirtualKind | undefined {
  return virtualKindNames.find(kind => [kind, kebab(kind), kind.toLowerCase(), virtualKinds[kind].className].includes(text));
}

/** Collects one `--virtual` after the other. */
export function collectVirtual(text: string, collected: VirtualChannels = {}): VirtualChannels {
  const [head = '', ...pairs] = text.trim().split(/\s+/);
  const [, number, kindText = ''] = /^(\d+)=(.+)$/.exec(head) ?? [];
  if (number === undefined) {
    throw new TaggerError('usage', `--virtual: cannot read '${text}'.`, { hint: "Write NUMBER=KIND and its arguments, for example --virtual '1001=coincidence channels=1,2 window=1ns'." });
  }
  const kind = virtualKindOf(kindText);
  if (kind === undefined) throw new TaggerError('usage', `--virtual: there is no kind '${kindText}'.`, { hint: `Use one of ${virtualKindNames.map(kebab).join(', ')}.` });
  if (Object.hasOwn(collected, number)) throw new TaggerError('usage', `--virtual: channel ${number} is defined twice.`);
  const parameters: Parameters = virtualSpecOf(kind).parameters;
  const definition: Record<string, unknown> = { kind };
  for (const pair of pairs) {
    const [, name = pair, value] = /^([^=]+)=(.*)$/.exec(pair) ?? [];
    const key = Object.keys(parameters).find(each => kebab(each) === name);
    const parameter = key === undefined ? undefined : parameters[key];
    if (key === undefined || parameter === undefined || value === undefined || value === '') {
      throw new TaggerError('usage', `--virtual: cannot read '${pair}' as an argument of ${kebab(kind)}.`, {
        hint: `For example --virtual '${number}=${virtualKinds[kind].example}'; its arguments are ${Object.keys(parameters).map(kebab).join(', ')}.`,
      });
    }
    definition[key] = parse(`virtual ${number}, ${name}`, parameter, value);
  }
  return { ...collected, [number]: definition };
}
