// tagctl/output.ts - where a result goes: the screen, stdout as JSON, files.
//
// Whether a file can be written is asked before the measurement: ten hours must not end in a folder that does not exist.
import { constants } from 'node:fs';
import { access, open, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Option, type Command } from 'commander';
import { TaggerError } from '../core/errors.ts';
import { encodeCsv } from '../format/csv.ts';
import { encodeNpyTable } from '../format/npy.ts';
import { measurements } from '../core/measurements.ts';
import { formatPs } from '../core/units.ts';
import type { Context } from './context.ts';
import { toColumns, toJson } from './document.ts';
import { CommandError, exitCodes } from './failure.ts';
import type { Outcome } from './outcome.ts';
import { plots, report, whole } from './report.ts';

export interface OutputOptions { json?: boolean; csv?: string; npy?: string; plot?: boolean; log?: boolean }

export function addOutputOptions(command: Command): void {
  command
    .option('--plot', 'draw it here')
    .addOption(new Option('--log', 'with --plot: logarithmic y axis').hideHelp())
    .option('--json', 'one JSON document on stdout and nothing else')
    .option('--csv <FILE>', 'write columns as text')
    .option('--npy <FILE>', 'write a structured array for numpy.load');
}

/** @throws {CommandError} 73 if a file that was asked for cannot be written */
export async function checkOutput(options: OutputOptions): Promise<void> {
  if (options.log && !options.plot) throw new TaggerError('usage', 'Cannot use --log alone.', { hint: 'It changes the axis of --plot: write --plot --log.' });
  for (const file of [options.csv, options.npy]) {
    if (file === undefined) continue;
    if (file === '-') throw new TaggerError('usage', "Cannot write to '-': a file is needed, because stdout has the report.", { hint: 'Give the path of a file, or use --json for stdout.' });
    try {
      const existing = await stat(file).catch((error: NodeJS.ErrnoException) => { if (error.code === 'ENOENT') return undefined; throw error; });
      if (existing?.isDirectory()) throw Object.assign(new Error(), { code: 'EISDIR' });
      await access(existing ? file : dirname(file), constants.W_OK);
    } catch (error) { throw cannotWrite(file, error); }
  }
}

export async function deliver(outcome: Outcome, options: OutputOptions, context: Context): Promise<void> {
  if (options.csv !== undefined || options.npy !== undefined) {
    const columns = toColumns(outcome);
    const rows = whole(columns[0]?.values.length ?? 0);
    if (options.csv !== undefined) {
      await writeChunks(options.csv, encodeCsv(columns, comments(outcome)));
      context.remark(`written: ${options.csv} (${rows} rows)`);
    }
    if (options.npy !== undefined) {
      await writeChunks(options.npy, [encodeNpyTable(columns)]);
      context.remark(`written: ${options.npy} (${rows} rows)`);
    }
  }
  if (options.json) {
    if (options.plot) for (const line of plots(outcome, context.err, options.log ?? false)) context.remark(line);
    await context.write(toJson(outcome));
    return;
  }
  await context.print(report(outcome, context.out));
  if (options.plot) await context.print(plots(outcome, context.out, options.log ?? false));
}

/** What a file must still say in ten years: what it is, and how complete. */
function comments({ name, info, source, remarks, interrupted }: Outcome): string[] {
  const missed = info.missedTags.map(count => count ?? 'unknown').join(', ');
  return [
    `tagctl ${measurements[name].className} ${JSON.stringify(info.config)}`, `source: ${source}`, ...remarks.map(remark => `note: ${remark}`),
    `live time: ${info.liveTimePs} ps (${formatPs(info.liveTimePs)}); tags: ${info.tags}; start: ${info.startPs} ps; stop: ${info.stopPs} ps`,
    `loss: ${info.lossGrade}; lost intervals: ${info.lostIntervals}; missed tags: ${missed}`,
    ...info.delays.map(delay => `delay of channel ${delay.channel}: hardware ${delay.hardwarePs} ps + station ${delay.stationPs} ps + private ${delay.privatePs} ps`),
    ...Object.entries(info.virtual?.channels ?? {}).map(([number, definition]) => `virtual channel ${number}: ${JSON.stringify(definition)}`),
    ...(info.aliased ? [`aliased: the binwidth is no multiple of the tick of ${info.tickPs.num}/${info.tickPs.den} ps`] : []),
    ...(interrupted ? ['interrupted'] : []),
  ];
}

async function writeChunks(file: string, chunks: Iterable<string | Uint8Array>): Promise<void> {
  try {
    await using handle = await open(file, 'w');
    for (const chunk of chunks) await handle.appendFile(chunk);
  } catch (error) { throw cannotWrite(file, error); }
}

function cannotWrite(file: string, error: unknown): CommandError {
  const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
  const reason = ({
    ENOENT: 'its folder does not exist', EACCES: 'permission denied', EISDIR: 'it is a folder', ENOTDIR: 'a part of its path is no folder',
    ENOSPC: 'no space left on the device', EROFS: 'the file system is read-only',
  } as Record<string, string>)[code] ?? code;
  return new CommandError(code === 'ENOSPC' || code === 'EIO' ? exitCodes.inputOutput : exitCodes.cannotCreate, 'unavailable', `Cannot write ${file}: ${reason}.`, 'Choose another place; an existing result is not lost by this.');
}
