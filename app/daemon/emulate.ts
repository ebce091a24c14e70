// daemon/emulate.ts - `tagd emulate`: a tagger made of numbers that a Linux kernel takes for one on its bus, and how to get it there.
import { TaggerError } from '../core/errors.ts';
import { formatAddress, isLoopback } from '../core/link.ts';
import { checkModelOptions, emulatedModels, modelOf, type EmulatedModel } from '../emulate/models.ts';
import { UsbipServer } from '../emulate/usbip.ts';
import { SteppedClock } from '../emulate/usbip-urbs.ts';
import { usbipPort } from '../emulate/usbip-wire.ts';
import type { Log } from './log.ts';

/** As on the command line. */
export interface EmulateFlags { list?: true; model?: string; usbip?: true; port?: string; bind?: string; signals?: string; seed?: string; faults?: string }

const busid = '1-1';
/** A device that left by itself is plugged in again after this. */
const replugMs = 3000;

/** What `--list` prints. */
export function listModels(): string {
  return emulatedModels.map(({ name, model, channels, highestRateHz, faults }) => [
    `${name}  ${model}, ${channels} channels, up to ${highestRateHz} tags per second`,
    ...Object.entries(faults).map(([key, what]) => `  --faults '{"${key}":N}'  ${what}`),
  ].join('\n')).join('\n');
}

/** Serves the tagger until `untilTold` resolves. */
export async function emulate(flags: EmulateFlags, log: Log, untilTold: () => Promise<void>): Promise<void> {
  const { server, text } = await serveEmulated(flags, log);
  await using _served = server;
  console.log(text);
  await untilTold();
  log.info('stopping');
}

/** @returns the server, and what a person reads who started it */
export async function serveEmulated(flags: EmulateFlags, log: Pick<Log, 'info' | 'warning'>): Promise<{ server: UsbipServer; text: string }> {
  if (flags.model === undefined) throw new TaggerError('usage', 'Cannot emulate a tagger: no model was named.', { hint: "Add --model; 'tagd emulate --list' shows them." });
  const model = modelOf(flags.model);
  if (!flags.usbip) throw new TaggerError('usage', `Cannot emulate a ${model.model}: it was not said how it is to be reached.`, { hint: 'Add --usbip: then any Linux with vhci_hcd can attach it.' });
  const options = checkModelOptions(model, { signals: json(flags.signals, '--signals'), faults: json(flags.faults, '--faults'), seed: wholeNumber(flags.seed, '--seed', Number.MAX_SAFE_INTEGER) });
  const host = flags.bind ?? '127.0.0.1', clock = new SteppedClock(), plug = (): void => { server.plug(model.make({ ...options, clock }), busid); };
  const server = await UsbipServer.listen({
    host, clock, port: wholeNumber(flags.port, '--port', 65_535) ?? usbipPort,
    onEvent: text => { log.info(text); },
    onLeft: () => { setTimeout(plug, replugMs).unref(); },
  });
  plug();
  if (!isLoopback(host)) log.warning(`everybody who reaches ${formatAddress(host, server.port)} can attach this tagger: USB/IP knows neither users nor encryption`);
  return { server, text: instructions(model, options.seed, host, server.port) };
}

function instructions({ model }: EmulatedModel, seed: number, host: string, port: number): string {
  const from = host === '0.0.0.0' || host === '::' ? 'THIS-COMPUTER' : host, tcpPort = port === usbipPort ? '' : `--tcp-port ${port} `;
  return `
An emulated ${model} (seed ${seed}) waits on ${formatAddress(host, port)} as ${busid}.

  attach it   sudo modprobe vhci-hcd
              sudo usbip ${tcpPort}attach -r ${from} -b ${busid}
  or without  sudo node_modules/.bin/node ops/usbip-attach.mjs --server ${formatAddress(from, port)} --device ${busid} --keep
  that tool   (attaches it again whenever it has left)
  permission  sudo cp ops/60-tagger.rules /etc/udev/rules.d/ && sudo udevadm control --reload && sudo udevadm trigger
  use it      bin/tagd --tagger usb --print-link

Ctrl-C unplugs it.
`;
}

function json(text: string | undefined, flag: string): unknown {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch (cause) {
    const example = flag === '--signals' ? '[{"kind":"poisson","channel":1,"rateHz":50000}]' : '{"diesAfterPackets":500}';
    throw new TaggerError('usage', `Cannot read ${flag}: '${text.slice(0, 80)}' is not JSON.`, { hint: `Put it between single quotes, as ${flag} '${example}'.`, cause });
  }
}

function wholeNumber(text: string | undefined, flag: string, most: number): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!/^\d+$/.test(text) || value > most) throw new TaggerError('usage', `Cannot use ${flag} '${text.slice(0, 40)}': it must be a whole number up to ${most}.`);
  return value;
}
