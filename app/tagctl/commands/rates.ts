// tagctl/commands/rates.ts - `tagctl rates [--watch]`: how bright each channel is, now or as it goes.
//
// On a terminal --watch redraws its own lines; in a pipe each update is a block of lines, with --json one JSON line.
import type { Command } from 'commander';
import { TaggerError } from '../../core/errors.ts';
import type { Rates } from '../../core/station.ts';
import { formatSi } from '../../core/units.ts';
import { sparkline } from '../canvas.ts';
import type { Context } from '../context.ts';
import { jsonLine } from '../document.ts';
import { exitCodes } from '../failure.ts';
import { command, examples } from '../help.ts';
import { parseTime } from '../measure-options.ts';
import { whole } from '../report.ts';
import { addTaggerOptions, withTagger, type TaggerOptions } from '../session.ts';
import { paint, printable, table, type Terminal } from '../terminal.ts';

interface RatesOptions extends TaggerOptions { watch?: boolean; for?: string; json?: boolean }

const historyLength = 40;

export function ratesCommand(context: Context): Command {
  const rates = command('rates', 'Mean rate of every channel over the last second.')
    .option('--watch', 'go on until Ctrl-C, or for the time of --for')
    .option('--for <TIME>', 'average over the last TIME; with --watch: how long to watch')
    .option('--json', 'one JSON document on stdout; with --watch one per line')
    .action(async (options: RatesOptions) => {
      const forPs = options.for === undefined ? undefined : parseTime('for', options.for);
      if (forPs !== undefined && forPs < 1e9) throw new TaggerError('usage', `--for: ${options.for} is too short for a rate.`, { hint: 'Write at least 1ms.' });
      await withTagger(options, context, async (tagger, session) => {
        if (!options.watch) {
          const now = await tagger.rates(forPs === undefined ? undefined : forPs / 1e9);
          return options.json ? await context.write([jsonLine(now)]) : await context.print(rateLines(now, new Map(), context.out));
        }
        const histories = new Map<number, (number | null)[]>();
        let drawn = 0;
        const done = new AbortController();
        const failed = Promise.withResolvers<never>();
        const show = async (update: Rates): Promise<void> => {
          if (options.json) return await context.write([jsonLine(update)]);
          for (const { channel, rateHz } of update.channels) histories.set(channel, [...histories.get(channel) ?? [], rateHz].slice(-historyLength));
          const lines = rateLines(update, histories, context.out);
          const back = context.out.tty && drawn > 0 ? [`\u001b[${drawn}A\u001b[J`] : [];
          drawn = lines.length;
          await context.write([...back, ...lines.map(line => `${line}\n`)]);
        };
        const subscription = await tagger.onRates(update => { show(update).catch((error: unknown) => { failed.reject(error); }); });
        const timer = forPs === undefined ? undefined : setTimeout(() => { done.abort(); }, forPs / 1e9);
        const either = AbortSignal.any([context.signal, done.signal]);
        const ended = new Promise<void>(resolve => { either.addEventListener('abort', () => { resolve(); }, { once: true }); });
        // Updates that stop look like rates that stand still: whoever watches is told.
        const lost = session.closed.then(reason => { throw reason; });
        try { await Promise.race([either.aborted ? undefined : ended, failed.promise, lost]); } finally {
          clearTimeout(timer);
          subscription[Symbol.dispose]();
        }
        if (context.signal.aborted) context.exitCode = exitCodes.interrupted;
      });
    });
  return examples(addTaggerOptions(rates), 'tagctl rates --for 5s', 'tagctl rates --watch');
}

function rateLines(rates: Rates, histories: ReadonlyMap<number, (number | null)[]>, terminal: Terminal): string[] {
  const rows = rates.channels.map(({ channel, name, rateHz, totalTags }) => [
    String(channel), printable(name), rateHz === null ? 'unknown' : formatSi(rateHz, 'cps'), whole(totalTags),
    paint(sparkline(histories.get(channel) ?? [], terminal.unicode), 'cyan', terminal),
  ]);
  const total = ['all', '', rates.totalHz === null ? 'unknown' : formatSi(rates.totalHz, 'cps'), '', ''];
  const [head = '', ...lines] = table([['channel', 'name', 'rate', 'since the start', ''], ...rows, total], [true, false, true, true, false]);
  return [paint(head, 'dim', terminal), ...lines];
}
