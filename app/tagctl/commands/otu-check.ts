// tagctl/commands/otu-check.ts - `tagctl otu-check`: does a device keep to OTU v1? For firmware authors; no station is needed.
import type { Command } from 'commander';
import { TaggerError } from '../../core/errors.ts';
import type { UsbBus } from '../../driver/usb-access.ts';
import type { Context } from '../context.ts';
import { jsonLine } from '../document.ts';
import { exitCodes } from '../failure.ts';
import { command, examples } from '../help.ts';
import { parseTime } from '../measure-options.ts';
import type { Check } from '../otu-check.ts';
import { paint, printable, type Terminal } from '../terminal.ts';

interface Options { device?: string; for: string; latency: string; json?: boolean }

/** The USB library is loaded only by whoever uses it; a test brings a bus of its own. */
export function otuCheckCommand(context: Context, openBus: () => Promise<UsbBus> = async () => new (await import('../../driver/usb.ts')).NodeUsbBus()): Command {
  const made = command('otu-check', 'Does a USB device keep to OTU v1 (docs/otu-v1.md)? One line per check: what was seen, and the section of the page where it failed. Exit code 0 if all are ok, else 76.')
    .option('--device <SERIAL>', 'its serial number or port, where several are attached')
    .option('--for <TIME>', 'how long tags are looked at, with and without the test signal (2s)', '2s')
    .option('--latency <TIME>', 'longest time that a tag may wait in the device (10ms)', '10ms')
    .option('--json', 'one JSON document on stdout')
    .action(async (options: Options) => {
      const seconds = parseTime('for', options.for) / 1e12, latencyMs = parseTime('latency', options.latency) / 1e9;
      if (!(seconds >= 0.5 && seconds <= 3600)) throw new TaggerError('usage', `--for: ${options.for} is not between 0.5s and 1h.`);
      if (!Number.isInteger(latencyMs) || latencyMs < 1 || latencyMs > 1000) throw new TaggerError('usage', `--latency: ${options.latency} is not a whole number of ms from 1 to 1000.`);
      const { checkOtu } = await import('../otu-check.ts');
      const all: Check[] = [];
      for await (const check of checkOtu(await openBus(), { device: options.device, seconds, latencyMs, signal: context.signal })) {
        all.push(check);
        if (!options.json) await context.print([lineOf(check, context.out)]);
      }
      const failed = all.filter(({ ok }) => !ok).length;
      if (options.json) await context.write([jsonLine({ ok: failed === 0, checks: all })]);
      else await context.print(['', failed === 0 ? `All ${all.length} checks are ok.` : `${failed} of ${all.length} checks FAILED; the sections are those of docs/otu-v1.md.`]);
      context.exitCode = context.signal.aborted ? exitCodes.interrupted : failed === 0 ? exitCodes.ok : exitCodes.protocol;
    });
  return examples(made, 'tagctl otu-check', 'tagctl otu-check --device PICO-0001 --for 1min', 'tagctl otu-check --json | jq ".checks[] | select(.ok | not)"');
}

function lineOf({ name, ok, seen, section }: Check, terminal: Terminal): string {
  return `${ok ? paint('ok    ', 'green', terminal) : paint('FAILED', 'red', terminal)}  ${printable(name)}: ${printable(seen)}${ok ? '' : ` (section ${section})`}`;
}
