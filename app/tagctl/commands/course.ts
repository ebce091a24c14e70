// tagctl/commands/course.ts - the options that `measure` and `analyze` share, and what follows from them.
import { Option, type Command } from 'commander';
import { settingsChanges, type CreateOptions, type OnSettingsChange } from '../../core/station.ts';
import { measurementNames, measurements, type MeasurementName } from '../../core/measurements.ts';
import type { VirtualChannels } from '../../core/virtual.ts';
import { TaggerError } from '../../core/errors.ts';
import { addMeasurementOptions, collectDelay, kebab, parseTime, spellings } from '../measure-options.ts';
import { addOutputOptions, type OutputOptions } from '../output.ts';
import { normalizable } from '../outcome.ts';
import { command } from '../help.ts';
import { collectVirtual } from '../virtual-option.ts';

export interface CourseOptions extends OutputOptions {
  for: string;
  delay?: Record<number, number>;
  virtual?: VirtualChannels;
  onSettingsChange?: OnSettingsChange;
  normalized?: boolean;
  rates?: string;
}

/** One subcommand per row of the table. */
export function eachMeasurement(parent: Command, defaultFor: string, finish: (sub: Command, name: MeasurementName) => void): void {
  parent.exitOverride(error => {
    const [, name, near] = /^error: unknown command '(.*)'(?:\n\(Did you mean (.*)\?\))?$/.exec(error.message) ?? [];
    if (name === undefined) throw error;
    throw new TaggerError('usage', `There is no measurement '${name}'.`, { hint: near ? `Did you mean ${near}?` : `Use one of ${measurementNames.map(kebab).join(', ')}.` });
  });
  for (const name of measurementNames) {
    const [shown = name, ...others] = spellings(name);
    const sub = command(shown, measurements[name].summary).aliases(others);
    addMeasurementOptions(sub, name);
    sub
      .option('--for <TIME>', `how long, or \`end\` of the source (${defaultFor})`, defaultFor)
      .option('--delay <CHANNEL=TIME>', 'private delay, may be repeated; positive is later', collectDelay)
      .option('--virtual <NUMBER=KIND ...>', "virtual channel, may be repeated: '1001=coincidence channels=1,2 window=1ns'", collectVirtual)
      .addOption(new Option('--on-settings-change <WHAT>', `if somebody changes a setting of its channels: ${settingsChanges.join(', ')}`).choices([...settingsChanges]));
    if (normalizable.has(name)) {
      sub
        .option('--normalized', 'g2 and its error beside the counts')
        .addOption(new Option('--rates <global|segment>', 'rates in g2 (global)').choices(['global', 'segment']).default('global', 'global'));
    }
    addOutputOptions(sub);
    finish(sub, name);
    parent.addCommand(sub);
  }
}

/** How the measurement is made; it starts when its time is known. */
export function createOptions({ delay, virtual, onSettingsChange }: CourseOptions): { start: false } & Pick<CreateOptions, 'delaysPs' | 'virtual' | 'onSettingsChange'> {
  return { start: false, ...(delay ? { delaysPs: delay } : {}), ...(virtual ? { virtual } : {}), ...(onSettingsChange ? { onSettingsChange } : {}) };
}

/** `end`, or a positive stream time in ps. */
export function durationOf(text: string): number | 'end' {
  if (text === 'end') return 'end';
  const ps = parseTime('for', text);
  if (ps <= 0) throw new TaggerError('usage', `--for: a measurement of ${text} is over before it begins.`, { hint: 'Write a positive time such as 10s, or `end`.' });
  return ps;
}

export function exampleOf(name: MeasurementName): string { return `${kebab(name)} ${measurements[name].example}`; }
