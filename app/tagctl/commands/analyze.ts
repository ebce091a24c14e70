// tagctl/commands/analyze.ts - `tagctl analyze FILE NAME ...`: the station's own engine on a file, without a station.
//
// A private line reads the file as fast as the kernels take it. The source waits for its readers, so the result is exact and
// the same on every machine; it must be what `measure` gives on a replay of the same file.
import { open } from 'node:fs/promises';
import { Option, type Command } from 'commander';
import { TaggerError, isTaggerError } from '../../core/errors.ts';
import { measurements, type MeasurementName } from '../../core/measurements.ts';
import type { Context } from '../context.ts';
import { CommandError, exitCodes } from '../failure.ts';
import { command, examples } from '../help.ts';
import { checkDelays, configFrom, parseInteger } from '../measure-options.ts';
import { describeSource } from '../outcome.ts';
import { checkOutput, deliver } from '../output.ts';
import { progressOn } from '../progress.ts';
import { runMeasurement } from '../run.ts';
import { kernelFromFile } from './kernel.ts';
import { createOptions, durationOf, eachMeasurement, exampleOf, type CourseOptions } from './course.ts';

type AnalyzeOptions = CourseOptions & Record<string, unknown> & { blockTags?: string; kernel?: 'wasm' | 'typescript' };

/** Tags of a block may be fewer for a test of the borders between blocks, never more than the ring is made for. */
const mostBlockTags = 16_384;

export function analyzeCommand(context: Context): Command {
  const analyze = command('analyze', 'Measure on a recording (PTU T2): offline, exact, no daemon.').usage('FILE NAME [options]');
  eachMeasurement(analyze, 'end', (sub, name) => {
    sub.usage('FILE NAME [options]').argument('<FILE>', 'the recording')
      .addOption(new Option('--block-tags <N>', 'tags per block, for tests').hideHelp())
      .addOption(new Option('--kernel <wasm|typescript>', 'which twin of the kernels').choices(['wasm', 'typescript']).hideHelp());
    examples(sub, `tagctl analyze run.ptu ${exampleOf(name)}`);
    sub.action(async (file: string, options: AnalyzeOptions) => { await analyzeOnce(file, name, options, context); });
  });
  return examples(analyze, 'tagctl analyze run.ptu countrate --channels 1,2', 'tagctl analyze run.ptu correlation --help');
}

async function analyzeOnce(file: string, name: MeasurementName, options: AnalyzeOptions, context: Context): Promise<void> {
  const config = configFrom(name, options);
  checkDelays(name, config, options);
  const forPs = durationOf(options.for);
  const blockTags = blockTagsOf(options.blockTags);
  await checkOutput(options);
  await checkReadable(file);
  const { Line } = await import('../../dsp/line.ts');
  await using line = await opened(() => Line.open({
    id: 'file', source: { kind: 'replay', file, speed: 'unpaced' }, ingestWorker: new URL('../ingest.worker.ts', import.meta.url),
    kernelModule: kernelFromFile,
    ...(blockTags === undefined ? {} : { maxBlockTags: blockTags }), ...(options.kernel === undefined ? {} : { kernel: options.kernel }),
  }));
  const [measurement] = await line.createMeasurements([{ name, config }], createOptions(options));
  if (!measurement) throw new TaggerError('internal', `The engine made no ${measurements[name].className}.`);
  const normalized = options.normalized ?? false;
  const result = await runMeasurement(measurement, name, {
    forPs, normalized, signal: context.signal, progress: progressOn(process.stderr, context.err),
    read: { normalized: normalized || (name === 'correlation' && !options.json), rates: options.rates ?? 'global' },
    account: () => measurement.account(),
  });
  const { state, detail, info } = line.status();
  await deliver({ name, ...result, ...describeSource(info) }, options, context);
  if (state === 'gone') throw new CommandError(exitCodes.badData, 'protocol', detail, 'The result holds what could be read before that.');
  if (result.interrupted) {
    context.remark(`tagctl: ${measurements[name].className} was stopped before the end of the file; the result holds what was read so far.`);
    context.exitCode = exitCodes.interrupted;
  } else if (forPs !== 'end' && result.info.captureDurationPs < forPs) context.remark('The recording ended before that time was over.');
}

function blockTagsOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const tags = parseInteger('block-tags', text);
  if (tags < 1 || tags > mostBlockTags) throw new TaggerError('usage', `--block-tags: ${text} is out of range.`, { hint: `Write a number from 1 to ${mostBlockTags}.` });
  return tags;
}

/** Exit code 66 and plain words before any thread is started. */
async function checkReadable(file: string): Promise<void> {
  try {
    await using handle = await open(file, 'r');
    if (!(await handle.stat()).isFile()) throw Object.assign(new Error(), { code: 'EISDIR' });
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
    const reason = ({ ENOENT: 'there is no such file', EACCES: 'permission denied', EISDIR: 'it is no file' } as Record<string, string>)[code] ?? code;
    throw new CommandError(exitCodes.noInput, 'not-found', `Cannot read ${file}: ${reason}.`, 'Give the path of a recording, for example run.ptu.');
  }
}

/** Arguments were checked before: what the driver refuses now are the bytes of the file. */
async function opened<T>(open: () => Promise<T>): Promise<T> {
  try { return await open(); } catch (error) {
    if (isTaggerError(error) && ['usage', 'protocol', 'unsupported'].includes(error.code)) throw new CommandError(exitCodes.badData, error.code, error.message, error.hint);
    throw error;
  }
}
