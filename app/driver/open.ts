// driver/open.ts - from the name of a tagger, as on a command line, to an open one.
import { TaggerError } from '../core/errors.ts';
import type { Tagger, TaggerSource } from '../core/tagger.ts';
import { checkOptions } from './simulated/options.ts';
import { openSimulated } from './simulated/driver.ts';
import { openReplay } from './replay/driver.ts';
import { openUsb } from './usb-discovery.ts';
import { splitCommand } from './bridge/command.ts';
import { openBridge } from './bridge/driver.ts';

const forms = 'Write simulated, simulated:{"seed":1}, replay:FILE, usb, usb:SERIAL or usb:PORT, with ,driver=NAME if it must be told, bridge:COMMAND, bridge-a1:COMMAND or bridge-a1x:COMMAND.';

/**
 * Reads `simulated`, `simulated:{json options}`, `replay:FILE`, `usb`, `usb:SERIAL`, `usb:1-2.3`, `usb:1-2,driver=umass,firmware=FOLDER`, `bridge:COMMAND`,
 * `bridge-a1:COMMAND`, `bridge-a1x:COMMAND`.
 *
 * A replay is unpaced; the caller changes `speed` if it shall run by the clock.
 * @throws {TaggerError} `usage`
 */
export function parseSource(text: string): TaggerSource {
  const colon = text.indexOf(':');
  const kind = colon < 0 ? text : text.slice(0, colon);
  const rest = colon < 0 ? undefined : text.slice(colon + 1);
  const refuse = (what: string, cause?: unknown): TaggerError => new TaggerError('usage', `Cannot use '${text.slice(0, 80)}' as a tagger: ${what}.`, { hint: forms, cause });
  switch (kind) {
    case 'simulated': return { kind, options: rest === undefined ? {} : checkOptions(parseJson(rest, refuse)) };
    case 'replay':
      if (!rest) throw refuse('the file is missing');
      return { kind, file: rest, speed: 'unpaced' };
    case 'usb':
      return rest === undefined ? { kind } : { kind, ...usbSource(rest, refuse) };
    case 'bridge': case 'bridge-a1': case 'bridge-a1x':
      if (!rest?.trim()) throw refuse('the command is missing');
      // A command that cannot be split is told now, not when the tagger is opened.
      splitCommand(rest);
      return kind === 'bridge' ? { kind, command: rest } : { kind: 'bridge', command: rest, raw: kind === 'bridge-a1' ? 'a1' : 'a1x' };
    default: throw refuse(kind === '' ? 'it has no kind' : `'${kind.slice(0, 40)}' is no kind of tagger`);
  }
}

/** A serial number or a port, then options. */
function usbSource(text: string, refuse: (what: string) => TaggerError): Omit<Extract<TaggerSource, { kind: 'usb' }>, 'kind'> {
  const [name = '', ...pairs] = text.split(',');
  if (text === '') throw refuse('the serial number is missing');
  const options: Record<string, string> = {};
  for (const pair of name.includes('=') ? [name, ...pairs] : pairs) {
    const [, key, value] = /^(driver|firmware)=(.+)$/.exec(pair) ?? [];
    if (key === undefined || value === undefined) throw refuse(`'${pair.slice(0, 40)}' is no option: there are driver=NAME and firmware=FOLDER`);
    options[key] = value;
  }
  if (name === '' || name.includes('=')) return options;
  return { ...(/^\d+-\d+(?:\.\d+)*$/.test(name) ? { port: name } : { serial: name }), ...options };
}

function parseJson(text: string, refuse: (what: string, cause?: unknown) => TaggerError): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw refuse('the options are not JSON', error);
  }
}

/** Opens the tagger; whoever gets it disposes of it. */
export async function openTagger(source: TaggerSource): Promise<Tagger> {
  switch (source.kind) {
    case 'simulated': return openSimulated(source.options);
    case 'replay': {
      const { file, speed, startPs } = source;
      if (speed !== 'unpaced' && !(speed > 0 && Number.isFinite(speed))) throw new TaggerError('usage', `Cannot replay ${file} at speed ${speed}: it must be a positive number or 'unpaced'.`);
      return openReplay({ file, speed, startPs });
    }
    case 'usb': {
      const { NodeUsbBus } = await import('./usb.ts');
      return openUsb(new NodeUsbBus(), source);
    }
    case 'bridge': return openBridge({ command: source.command, raw: source.raw });
  }
}
