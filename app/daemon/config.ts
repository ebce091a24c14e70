// daemon/config.ts - the operator's TOML file, checked whole: every error at once, with its line and the nearest key.
//
// The command line wins over the environment, the environment over the file, the file over the defaults.
import { readFileSync } from 'node:fs';
import { parse, TomlError } from 'smol-toml';
import { z } from 'zod';
import { TaggerError } from '../core/errors.ts';

const port = z.int().min(0).max(65535);

export const configSchema = z.strictObject({
  name: z.string().min(1).max(64).optional().describe('Name of the box for people; default: its hostname.'),
  state: z.string().min(1).optional().describe('Folder for grants, identity and audit; default: $STATE_DIRECTORY or ~/.local/state/tagd.'),
  listen: z.strictObject({
    host: z.string().min(1).default('127.0.0.1').describe('Address to listen on. Without TLS only a loopback address is allowed.'),
    port: port.default(7433).describe('The one port for RPC, page and HTTP; 0 picks a free one.'),
  }).prefault({}),
  tagger: z.strictObject({
    source: z.string().default('simulated').describe('simulated, simulated:{options}, replay:FILE, usb[:SERIAL], bridge:COMMAND or bridge-a1:COMMAND.'),
    free_run: z.boolean().default(false).describe('Let a recording flow at once instead of with the first measurement.'),
    speed: z.number().positive().max(1e6).optional().describe('Pace of a recording, 1 = as it was recorded; absent: as fast as it is taken, and nothing is ever lost.'),
    workers: z.int().min(1).max(16).optional().describe('Threads that measure; default: processors - 1, at least 1.'),
    ring_blocks: z.int().min(8).max(4096).optional().describe('Blocks of 16384 tags (about 185 KB each) in the ring; default 256, 64 below 2 GB of memory.'),
    block_tags: z.int().min(1).max(16384).optional().describe('Tags per block; smaller blocks are for tests.'),
    kernel: z.enum(['wasm', 'typescript']).optional().describe('Force one form of the kernels; default: wasm where it has SIMD.'),
  }).prefault({}),
  mqtt: z.strictObject({
    url: z.string().regex(/^(mqtts?|wss?):\/\//, 'must begin with mqtt://, mqtts://, ws:// or wss://').optional().describe('Broker; absent: no MQTT.'),
    username: z.string().optional().describe('Name this station gives to the broker.'),
    password_file: z.string().optional().describe('File that holds the password; never the password itself.'),
    base_topic: z.string().regex(/^[A-Za-z0-9_.-]+(\/[A-Za-z0-9_.-]+)*$/, 'must be letters, digits, - _ and . in levels parted by /').default('tagd').describe('First levels of every topic.'),
    rates_seconds: z.number().min(0.5).max(60).default(5).describe('Seconds between two messages with rates.'),
  }).prefault({}),
}).describe('tagd configuration');

export type Config = z.infer<typeof configSchema>;

/** The operator's file is wrong; sysexits.h has a code of its own for that. */
export class ConfigError extends TaggerError {
  constructor(message: string, options: ErrorOptions & { hint?: string } = {}) { super('usage', message, options); }
}

/** Reads and checks a file; without one, the defaults. */
export function loadConfig(file: string | undefined): Config {
  if (file === undefined) return configSchema.parse({});
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? 'unknown error';
    const reason = ({ ENOENT: 'there is no such file', EACCES: 'permission denied', EISDIR: 'it is a folder' } as Record<string, string>)[code] ?? code;
    throw new ConfigError(`Cannot read the configuration ${file}: ${reason}.`, { cause, hint: 'Check the path and who may read it; without --config the defaults are used.' });
  }
  return parseConfig(text, file);
}

/** @throws {TaggerError} `usage` with all faults of the file, one a line: `file:line:column: key: what is wrong` */
export function parseConfig(text: string, file: string): Config {
  let table: unknown;
  try {
    table = parse(text);
  } catch (cause) {
    if (!(cause instanceof TomlError)) throw cause;
    throw new ConfigError(`${file}:${cause.line}:${cause.column}: ${cause.message.split('\n')[0]}`, { cause });
  }
  const result = configSchema.safeParse(table);
  if (result.success) return result.data;
  const faults = result.error.issues.flatMap(issue => {
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map(key => {
        const near = nearest(key, knownKeys(issue.path));
        return { path: [...issue.path, key], text: `unknown key${near ? `; did you mean '${near}'?` : `; known are ${knownKeys(issue.path).join(', ')}`}` };
      });
    }
    return [{ path: issue.path, text: issue.message }];
  });
  throw new ConfigError(faults.map(({ path, text: what }) => `${file}:${locate(text, path)}: ${path.join('.')}: ${what}`).join('\n'), {
    hint: 'tagd config schema prints what is allowed.',
  });
}

export function schemaJson(): string { return JSON.stringify(z.toJSONSchema(configSchema, { io: 'input' }), undefined, 2); }

/** Line and column of a key. TOML parsers give none after parsing, so the last table header above the key decides. */
function locate(text: string, path: readonly PropertyKey[]): string {
  const key = String(path.at(-1) ?? '');
  const table = path.slice(0, -1).join('.');
  let current = '';
  const lines = text.split('\n');
  for (const [index, line] of lines.entries()) {
    const header = /^\s*\[([^[\]]+)\]/.exec(line);
    if (header) current = (header[1] as string).trim();
    const at = new RegExp(String.raw`^\s*(?:\[)?"?${key.replaceAll(/[^\w-]/g, '.')}"?\s*[=\].]`).exec(line);
    if (at && (current === table || current === path.join('.'))) return `${index + 1}:${line.search(/\S/) + 1}`;
  }
  return '1:1';
}

function knownKeys(path: readonly PropertyKey[]): string[] {
  let schema = z.toJSONSchema(configSchema, { io: 'input' }) as { properties?: Record<string, object> };
  for (const step of path) schema = (schema.properties?.[String(step)] ?? {}) as typeof schema;
  return Object.keys(schema.properties ?? {});
}

/** The known word that is at most two edits away. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  let best: string | undefined;
  let least = 3;
  for (const candidate of known) {
    const distance = edits(word.toLowerCase(), candidate.toLowerCase());
    if (distance < least) [best, least] = [candidate, distance];
  }
  return best;
}

function edits(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min((row[j] as number) + 1, (next[j - 1] as number) + 1, (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1));
    }
    row = next;
  }
  return row[b.length] as number;
}
