// test/support/example-config.ts - arguments for any measurement of the table: those of its example in tagctl's help.
import { checkRequest } from '../../app/core/arguments.ts';
import { measurements, type MeasurementName } from '../../app/core/measurements.ts';
import type { CheckedConfig } from '../../app/core/spec.ts';
import { configFrom } from '../../app/tagctl/measure-options.ts';

/** As a client would write them. */
export function exampleConfig(name: MeasurementName): Record<string, unknown> {
  const words = measurements[name].example.match(/--[\w-]+( (?!--)\S+)?/g) ?? [];
  const options = words.map(word => word.slice(2).split(' ')).map(([key = '', value]): [string, string | undefined] => [key.replaceAll(/-([a-z\d])/g, (_, letter: string) => letter.toUpperCase()), value]);
  return configFrom(name, Object.fromEntries(options));
}

/** Checked, with all defaults; the tagger has the channels 1 to 8 and their falling edges. */
export function checkedExample(name: MeasurementName): CheckedConfig {
  return checkRequest({ name, config: exampleConfig(name) }, [1, 2, 3, 4, 5, 6, 7, 8, -1, -2, -3, -4]).config;
}
