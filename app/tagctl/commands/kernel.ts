// tagctl/commands/kernel.ts - `tagctl kernel ...`: user kernels from a source here to a station there.
import { readFile, stat, writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Command } from 'commander';
import { TaggerError } from '../../core/errors.ts';
import { checkKernelModule } from '../../core/kernel-module.ts';
import type { Context } from '../context.ts';
import { jsonLine } from '../document.ts';
import { CommandError, exitCodes } from '../failure.ts';
import { command, examples } from '../help.ts';
import { compileKernel, kernelTemplate } from '../kernel-source.ts';
import { addStationOptions, withSession, type StationOptions } from '../session.ts';
import { table } from '../terminal.ts';

type Options = StationOptions & { json?: boolean; output?: string; name?: string };

export function kernelCommand(context: Context): Command {
  const kernel = command('kernel', 'Measure with arithmetic of your own: a WebAssembly kernel in a thread of its own.').usage('COMMAND [options]');
  for (const make of [newCommand, buildCommand, checkCommand, installCommand, listCommand, removeCommand]) kernel.addCommand(make(context));
  return examples(kernel,
    'tagctl kernel new mean.ts', 'tagctl kernel build mean.ts', 'tagctl analyze run.ptu user-kernel --module mean --channels 1,2',
    'tagctl kernel install mean.wasm', 'tagctl measure user-kernel --module mean --channels 1,2 --for 10s');
}

function newCommand(context: Context): Command {
  return examples(command('new', 'Write a kernel to begin with: mean and spread of a delay.').argument('<FILE>', 'it must not exist yet').action(async (file: string) => {
    try {
      await writeFile(file, kernelTemplate, { flag: 'wx' });
    } catch (error) {
      const exists = (error as NodeJS.ErrnoException).code === 'EEXIST';
      throw new CommandError(exitCodes.cannotCreate, 'unavailable', `Cannot write ${file}: ${exists ? 'it exists already' : (error as Error).message}.`, 'Choose another name.');
    }
    await context.print([`written: ${file}`, `Build it with: tagctl kernel build ${file}`]);
  }), 'tagctl kernel new mean.ts');
}

function buildCommand(context: Context): Command {
  return examples(command('build', 'Compile a kernel from AssemblyScript, here, and check it.').argument('<FILE>', 'its source')
    .option('--output <FILE>', 'where to write it (the name of the source with .wasm)')
    .action(async (file: string, options: Options) => {
      await readInput(file);
      const bytes = await compileKernel(file, async path => await readFile(path, 'utf8'));
      const output = options.output ?? `${file.replace(/(\.as)?\.ts$/, '')}.wasm`;
      checkKernelModule(`use ${output}`, bytes);
      try {
        await writeFile(output, bytes);
      } catch (error) {
        throw new CommandError(exitCodes.cannotCreate, 'unavailable', `Cannot write ${output}: ${(error as Error).message}.`);
      }
      await context.print([`written: ${output} (${bytes.length} bytes)`, `Install it with: tagctl kernel install ${output}`]);
    }), 'tagctl kernel build mean.ts', 'tagctl kernel build mean.ts --output fast.wasm');
}

function checkCommand(context: Context): Command {
  return examples(command('check', 'Is a module a kernel that a station takes?').argument('<FILE>', 'the module').action(async (file: string) => {
    const bytes = await readInput(file);
    checkKernelModule(`use ${file}`, bytes);
    await context.print([`${file}: a kernel of ${bytes.length} bytes.`]);
  }), 'tagctl kernel check mean.wasm');
}

function installCommand(context: Context): Command {
  const install = command('install', 'Put a kernel on the station; needs an admin link.').argument('<FILE>', 'the module')
    .option('--name <NAME>', 'under which it is measured with (that of the file)').option('--json', 'one JSON document on stdout')
    .action(async (file: string, options: Options) => {
      const bytes = await readInput(file);
      const name = options.name ?? nameOf(file);
      checkKernelModule(`install ${file}`, bytes);
      await withSession(options, context, async session => {
        const installed = await (await session.admin()).installKernel(name, bytes);
        if (options.json) return await context.write([jsonLine(installed)]);
        await context.print([`Installed ${installed.name}, ${installed.bytes} bytes, sha256 ${installed.sha256}.`, `Use it with: tagctl measure user-kernel --module ${installed.name} --channels 1,2`]);
      });
    });
  return examples(addStationOptions(install), 'tagctl kernel install mean.wasm', 'tagctl kernel install mean.wasm --name jitter');
}

function listCommand(context: Context): Command {
  const list = command('list', 'The kernels on the station; needs an admin link.').option('--json', 'one JSON document on stdout').action(async (options: Options) => {
    await withSession(options, context, async session => {
      const kernels = await (await session.admin()).kernels();
      if (options.json) return await context.write([jsonLine({ kernels })]);
      if (kernels.length === 0) return await context.print(['There is none. `tagctl kernel install` puts one there.']);
      await context.print(table([['name', 'bytes', 'installed', 'sha256'], ...kernels.map(({ name, bytes, installed, sha256 }) => [name, String(bytes), installed, sha256.slice(0, 16)])], [false, true]));
    });
  });
  return examples(addStationOptions(list), 'tagctl kernel list');
}

function removeCommand(context: Context): Command {
  const remove = command('remove', 'Take a kernel off the station; measurements that run it keep it.').argument('<NAME>', 'as `tagctl kernel list` shows it')
    .option('--json', 'one JSON document on stdout')
    .action(async (name: string, options: Options) => {
      await withSession(options, context, async session => {
        await (await session.admin()).removeKernel(name);
        if (options.json) return await context.write([jsonLine({ removed: name })]);
        await context.print([`Removed ${name}.`]);
      });
    });
  return examples(addStationOptions(remove), 'tagctl kernel remove mean');
}

export function nameOf(file: string): string { return basename(file).replace(/\.wasm$/, ''); }

async function readInput(file: string): Promise<Uint8Array<ArrayBuffer>> {
  try {
    if (!(await stat(file)).isFile()) throw new Error('it is no file');
    return new Uint8Array(await readFile(file));
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'there is no such file' : (error as Error).message;
    throw new CommandError(exitCodes.noInput, 'not-found', `Cannot read ${file}: ${reason}.`);
  }
}

/** For `analyze`: the module NAME.wasm in this folder. */
export async function kernelFromFile(name: string): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return await readInput(`${name}.wasm`);
  } catch (cause) {
    throw new TaggerError('not-found', `Cannot run the kernel '${name}': there is no file ${name}.wasm in this folder.`, { cause, hint: 'Build it with `tagctl kernel build`.' });
  }
}
