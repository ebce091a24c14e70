// tagctl/commands/measure.ts - `tagctl measure NAME ...`: a measurement on a station.
import type { Command } from 'commander';
import { measurements, type MeasurementName } from '../../core/measurements.ts';
import type { Context } from '../context.ts';
import { exitCodes } from '../failure.ts';
import { command, examples } from '../help.ts';
import { checkDelays, configFrom } from '../measure-options.ts';
import { describeSource } from '../outcome.ts';
import { checkOutput, deliver } from '../output.ts';
import { progressOn } from '../progress.ts';
import { runMeasurement, type Runnable } from '../run.ts';
import { addTaggerOptions, withTagger, type TaggerOptions } from '../session.ts';
import { createOptions, durationOf, eachMeasurement, exampleOf, type CourseOptions } from './course.ts';

type MeasureOptions = CourseOptions & TaggerOptions & Record<string, unknown>;

export function measureCommand(context: Context): Command {
  const measure = command('measure', 'Measure on a tagger; everybody else goes on undisturbed.').usage('NAME [options]');
  eachMeasurement(measure, '1s', (sub, name) => {
    addTaggerOptions(sub);
    examples(sub, `tagctl measure ${exampleOf(name)} --for 10s`);
    sub.action(async (options: MeasureOptions) => { await measureOnce(name, options, context); });
  });
  return examples(measure, 'tagctl measure countrate --channels 1,2 --for 2s', 'tagctl measure correlation --help');
}

async function measureOnce(name: MeasurementName, options: MeasureOptions, context: Context): Promise<void> {
  const config = configFrom(name, options);
  checkDelays(name, config, options);
  const forPs = durationOf(options.for);
  await checkOutput(options);
  await withTagger(options, context, async tagger => {
    const status = await tagger.status();
    using measurement = await tagger.measure(name, config as never, createOptions(options));
    const normalized = options.normalized ?? false;
    const result = await runMeasurement(measurement as unknown as Runnable, name, {
      forPs, normalized, signal: context.signal, progress: progressOn(process.stderr, context.err),
      read: { normalized: normalized || (name === 'correlation' && !options.json), rates: options.rates ?? 'global' },
      account: async () => await measurement.account(),
    });
    await deliver({ name, ...result, ...describeSource(status.info) }, options, context);
    if (result.interrupted) {
      context.remark(`tagctl: ${measurements[name].className} was stopped before its time; the result holds what was measured so far.`);
      context.exitCode = exitCodes.interrupted;
    } else if (result.info.ended && result.info.captureDurationPs === 0) {
      context.remark('The source had ended before this began: a recording flows once. Start tagd anew to replay it.');
    } else if (result.info.stoppedBy === 'settings') {
      context.remark('The measurement ended before its time: a setting of one of its channels was changed.');
    } else if (result.info.ended && forPs !== 'end' && result.info.captureDurationPs < forPs) {
      context.remark('The source ended before that time was over.');
    }
  });
}
