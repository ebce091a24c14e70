// test/image/qemu.ts - a virtual machine for tests: starts it, runs commands in it, reads its console, ends it.
//
// Commands go to an agent on the second serial port (machine.ts): one at a time, each with its output and exit code. The first port is the console of the kernel,
// kept for the message when something goes wrong. Its USB ports are sockets: see usbredir.ts.
import { spawn, type ChildProcess } from 'node:child_process';
import { accessSync, constants, readFileSync, rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { createConnection, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Machine } from './machine.ts';

const ports = 2;
/** Signs on the console that nothing more will come. */
const fatal = /Kernel panic|emergency\.target|\[!!!!|Freezing execution/;

export interface Outcome { readonly code: number; readonly lines: readonly string[] }

export class Guest implements AsyncDisposable {
  /** Sockets of its USB ports. */
  readonly usb: readonly string[];
  /** From the start of the machine until it took commands. */
  bootMs = 0;
  readonly #machine: Machine;
  readonly #folder: string;
  readonly #process: ChildProcess;
  readonly #commands: Socket;
  /** A test that is cut short leaves no machine behind. */
  readonly #onExit = (): void => { this.#process.kill('SIGKILL'); };
  #console = '';
  #errors = '';
  #pending = '';
  #number = 0;
  #onLine: ((line: string) => void) | undefined;
  #broken: Error | undefined;
  #onBroken: (() => void) | undefined;

  static async start(machine: Machine, bootTimeoutMs = 90_000): Promise<Guest> {
    const folder = await mkdtemp(join(tmpdir(), 'tagd-guest-')), startedMs = performance.now();
    const child = spawn('qemu-system-x86_64', argumentsFor(machine, folder), { stdio: ['ignore', 'pipe', 'pipe'] });
    const guest = new Guest(machine, folder, child, await connected(join(folder, 'commands.sock'), child));
    try {
      // What is sent before the agent listens is lost.
      for (let isReady = false; !isReady;) {
        if (performance.now() - startedMs > bootTimeoutMs) throw guest.failure(`did not boot within ${bootTimeoutMs / 1000} s`);
        isReady = await guest.run('true', 1000).then(() => true, (error: unknown) => {
          if (guest.#broken) throw error;
          return false;
        });
      }
    } catch (error) {
      await guest[Symbol.asyncDispose]();
      throw error;
    }
    guest.bootMs = performance.now() - startedMs;
    return guest;
  }

  private constructor(machine: Machine, folder: string, child: ChildProcess, commands: Socket) {
    this.#machine = machine;
    this.#folder = folder;
    this.#process = child;
    this.#commands = commands;
    process.once('exit', this.#onExit);
    this.usb = Array.from({ length: ports }, (_, i) => join(folder, `usb${i}.sock`));
    child.stdout!.setEncoding('utf8').on('data', (text: string) => {
      this.#console += text;
      if (fatal.test(this.#console.slice(-500))) this.#break('ended');
    });
    child.stderr!.setEncoding('utf8').on('data', (text: string) => { this.#errors += text; });
    child.once('exit', code => { this.#break(`exited with code ${code}`); });
    commands.on('error', () => { /* The exit says it. */ });
    commands.setEncoding('utf8').on('data', (text: unknown) => {
      const lines = (this.#pending + String(text)).split('\n');
      this.#pending = lines.pop()!;
      for (const line of lines) this.#onLine?.(line.replace(/\r$/, ''));
    });
  }

  /** What the kernel and systemd said. */
  get console(): string { return this.#console; }

  /** Runs one line of shell as root. @param onLine each line as it comes */
  async run(command: string, timeoutMs: number, onLine?: (line: string) => void): Promise<Outcome> {
    if (this.#broken) throw this.#broken;
    if (this.#onLine) throw new Error(`The virtual machine cannot run '${brief(command)}': another command has not ended.`);
    const number = ++this.#number, lines: string[] = [];
    const { promise, resolve, reject } = Promise.withResolvers<Outcome>();
    const timer = setTimeout(() => { reject(this.failure(`did not end '${brief(command)}' within ${timeoutMs} ms; it said:\n${lines.slice(-20).join('\n')}`)); }, timeoutMs);
    this.#onLine = line => {
      const end = /^@@(\d+) (\d+)$/.exec(line);
      if (end) {
        if (Number(end[1]) === number) resolve({ code: Number(end[2]), lines });
        return;
      }
      lines.push(line);
      onLine?.(line);
    };
    this.#onBroken = () => { reject(this.#broken!); };
    this.#commands.write(`${number} ${command}\n`);
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      this.#onLine = this.#onBroken = undefined;
    }
  }

  /** Runs one line of shell beside the command that is running, and waits for nothing: to end that one. */
  interrupt(command: string): void { this.#commands.write(`0 { ${command}; } > /dev/null\n`); }

  failure(what: string): Error { return new Error(`The virtual machine ${what}.\n${this.#errors}--- console:\n${this.#console.slice(-3000)}`); }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#commands.destroy();
    process.off('exit', this.#onExit);
    if (this.#process.exitCode === null && this.#process.signalCode === null) {
      const ended = new Promise(resolve => { this.#process.once('exit', resolve); });
      this.#process.kill('SIGKILL');
      await ended;
    }
    rmSync(this.#folder, { recursive: true, force: true });
    rmSync(dirname(this.#machine.disks[1]!), { recursive: true, force: true });
  }

  #break(what: string): void {
    this.#broken ??= this.failure(what);
    this.#onBroken?.();
  }
}

function argumentsFor({ kernel, initrd, disks }: Machine, folder: string): string[] {
  // A /dev/kvm that opens is not enough: without these instructions in the processor it dies later.
  const hasKvm = /\b(vmx|svm)\b/.test(readFileSync('/proc/cpuinfo', 'utf8')) && isWritable('/dev/kvm');
  const socket = (id: string): string => `socket,id=${id},path=${join(folder, `${id}.sock`)},server=on,wait=off`;
  return [
    '-M', 'q35', ...(hasKvm ? ['-accel', 'kvm', '-cpu', 'host'] : ['-accel', 'tcg,thread=multi,tb-size=512', '-cpu', 'max']), '-smp', '2', '-m', '768',
    '-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot', '-serial', 'stdio', '-chardev', socket('commands'), '-serial', 'chardev:commands',
    '-kernel', kernel, '-initrd', initrd, '-append', 'console=ttyS0 quiet panic=-1 mitigations=off systemd.show_status=false systemd.log_target=console systemd.log_level=notice',
    // What the guest writes is forgotten.
    ...disks.flatMap((file, i) => ['-drive', `if=none,id=disk${i},format=raw,file=${file},snapshot=on,cache=unsafe`, '-device', `virtio-blk-pci,drive=disk${i}`]),
    '-device', 'qemu-xhci,id=xhci', ...Array.from({ length: ports }, (_, i) => ['-chardev', socket(`usb${i}`), '-device', `usb-redir,chardev=usb${i},bus=xhci.0`]).flat(),
  ];
}

async function connected(path: string, child: ChildProcess): Promise<Socket> {
  for (let attempts = 0; ; attempts++) {
    const socket = createConnection({ path });
    const outcome = await new Promise<Error | undefined>(resolve => {
      socket.once('connect', () => { resolve(undefined); });
      socket.once('error', resolve);
    });
    if (!outcome) return socket;
    if (attempts > 200 || child.exitCode !== null) throw new Error(`QEMU did not start: ${outcome.message}. Is qemu-system-x86 installed?`);
    await new Promise(resolve => { setTimeout(resolve, 50); });
  }
}

function brief(command: string): string { return command.length < 80 ? command : `${command.slice(0, 30)} ... ${command.slice(-40)}`; }

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
