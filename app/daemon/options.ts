// daemon/options.ts - the command line of tagd, laid over the configuration file.
import { Command, CommanderError } from 'commander';
import { TaggerError } from '../core/errors.ts';
import { isLoopback } from '../core/link.ts';
import { loadConfig, schemaJson, type Config } from './config.ts';
import { listModels, type EmulateFlags } from './emulate.ts';
import { version } from '../core/version.ts';

export interface RunOptions { config: Config; demo: boolean; printLink: boolean }

/** Either something to run, or text that was asked for. */
export type Invocation = { run: RunOptions } | { emulate: EmulateFlags } | { print: string } | { exitCode: number };

/** Reads arguments; help, version and faults of usage are already printed when it returns `exitCode`. */
export function readInvocation(args: readonly string[]): Invocation {
  let invocation: Invocation = { exitCode: 0 };
  const program = new Command('tagd')
    .description('Owns a USB time tagger and serves it to the lab.')
    .version(version)
    .option('--config <file>', 'configuration in TOML')
    .option('--state <folder>', 'folder for grants, identity and audit')
    .option('--listen <host:port>', 'the one address to listen on (default: 127.0.0.1:7433)')
    .option('--tagger <source>', 'simulated, simulated:{options}, replay:FILE, usb[:SERIAL] or bridge:COMMAND')
    .option('--speed <factor>', 'pace of a recording, 1 = as recorded (default: as fast as it is taken)')
    .option('--free-run', 'let a recording flow at once instead of with the first measurement')
    .option('--print-link', "print 'link: tagd://...' for scripts (loopback only)")
    .option('--demo', 'simulated tagger, embedded MQTT broker and a few words on how to go on')
    .addHelpText('after', '\nExamples:\n  tagd --tagger replay:run.ptu --print-link\n  tagd --config /etc/tagd/tagd.toml\n  tagd config check /etc/tagd/tagd.toml')
    .exitOverride()
    .action((options: Flags) => { invocation = { run: toRun(options) }; });
  const config = program.command('config').description('look at the configuration');
  config.command('check').argument('<file>').description('name every fault of a configuration file')
    .action((file: string) => {
      loadConfig(file);
      invocation = { print: `${file} is right.` };
    });
  config.command('show').argument('[file]').description('print the configuration in force, defaults filled in')
    .action((file: string | undefined) => { invocation = { print: JSON.stringify(loadConfig(file), undefined, 2) }; });
  config.command('schema').description('print the JSON schema of the configuration').action(() => { invocation = { print: schemaJson() }; });
  program.command('emulate').description('be a USB tagger made of numbers, for a computer that has none')
    .option('--list', 'print the models and what can be made to go wrong with each')
    .option('--model <name>', 'the tagger to be')
    .option('--usbip', 'serve it over USB/IP: a Linux with vhci_hcd attaches it like a real one')
    .option('--port <port>', 'port of the USB/IP server (default: 3240)')
    .option('--bind <address>', 'address to listen on; whoever reaches it can attach the tagger (default: 127.0.0.1)')
    .option('--signals <json>', 'what it measures, as in simulated:{"signals":[...]}')
    .option('--seed <number>', 'another number gives other tags (default: 1)')
    .option('--faults <json>', 'what goes wrong, see --list')
    .action((flags: EmulateFlags) => { invocation = flags.list ? { print: listModels() } : { emulate: flags }; });
  try {
    program.parse(args, { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) return { exitCode: error.exitCode === 0 ? 0 : 64 };
    throw error;
  }
  return invocation;
}

interface Flags { config?: string; state?: string; listen?: string; tagger?: string; speed?: string; freeRun?: true; printLink?: true; demo?: true }

function toRun(flags: Flags): RunOptions {
  const config = loadConfig(flags.config);
  if (flags.state !== undefined) config.state = flags.state;
  if (flags.tagger !== undefined) config.tagger.source = flags.tagger;
  if (flags.speed !== undefined) config.tagger.speed = parseSpeed(flags.speed);
  if (flags.freeRun) config.tagger.free_run = true;
  if (flags.listen !== undefined) config.listen = parseListen(flags.listen);
  if (!isLoopback(config.listen.host)) {
    throw new TaggerError('unsupported', `Cannot listen on ${config.listen.host}: this version has no TLS, and without it only a loopback address is allowed.`, {
      hint: 'Listen on 127.0.0.1 and reach it through an SSH tunnel; any port works.',
    });
  }
  return { config, demo: flags.demo ?? false, printLink: flags.printLink ?? false };
}

function parseSpeed(text: string): number {
  const speed = Number(text);
  if (!(speed > 0 && speed <= 1e6)) throw new TaggerError('usage', `Cannot replay at speed '${text}'.`, { hint: 'Write a factor above 0: 1 is as recorded, 10 is ten times faster.' });
  return speed;
}

export function parseListen(text: string): { host: string; port: number } {
  const match = /^(?:(\[[0-9a-fA-F:]+\]|[^:[\]]*):)?(\d{1,5})$/.exec(text);
  const port = Number(match?.[2]);
  if (!match || port > 65535) {
    throw new TaggerError('usage', `Cannot read '${text}' as an address to listen on.`, { hint: 'Write HOST:PORT, for example 127.0.0.1:7433 or [::1]:7433.' });
  }
  return { host: (match[1] ?? '').replace(/^\[|\]$/g, '') || '127.0.0.1', port };
}
