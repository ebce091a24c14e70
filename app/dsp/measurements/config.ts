// dsp/measurements/config.ts - arguments by name; they were checked against the table, so anything else here is a bug.
import type { CheckedConfig } from '../../core/measurements.ts';

export function numberOf(config: CheckedConfig, key: string): number {
  const value = config[key];
  if (typeof value !== 'number') throw new Error(`argument ${key} is ${typeof value}, not a number`);
  return value;
}

export function optionalOf(config: CheckedConfig, key: string): number | undefined {
  return config[key] === undefined ? undefined : numberOf(config, key);
}

export function channelsOf(config: CheckedConfig): readonly number[] { return listOf(config, 'channels'); }

export function listOf(config: CheckedConfig, key: string): readonly number[] {
  const value = config[key];
  if (!Array.isArray(value)) throw new Error(`argument ${key} is not a list`);
  return value as readonly number[];
}

export function groupsOf(config: CheckedConfig, key: string): readonly (readonly number[])[] {
  const value = config[key];
  if (!Array.isArray(value)) throw new Error(`argument ${key} is not a list of groups`);
  return value as readonly (readonly number[])[];
}
