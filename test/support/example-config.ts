// test/support/example-config.ts - arguments for any measurement of the table: those of its example in tagctl's help.
import { checkRequest } from '../../app/core/arguments.ts';
import type { MeasurementName } from '../../app/core/measurements.ts';
import type { CheckedConfig } from '../../app/core/spec.ts';
import { configOfExample } from '../../app/tagctl/measure-options.ts';

/** As a client would write them. */
export const exampleConfig = configOfExample;

/** Checked, with all defaults; the tagger has the channels 1 to 8 and their falling edges. */
export function checkedExample(name: MeasurementName): CheckedConfig {
  return checkRequest({ name, config: exampleConfig(name) }, [1, 2, 3, 4, 5, 6, 7, 8, -1, -2, -3, -4]).config;
}
