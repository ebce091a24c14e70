// test/system/mosquitto.ts - a real Mosquitto for one test: own folder, own port, own log, gone afterwards.
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { delimiter, join } from 'node:path';
import { closedPort, until } from '../mqtt/broker.ts';

/** A program of the Debian packages mosquitto and mosquitto-clients. */
export function program(name: string): string {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/bin'];
  const found = folders.map(folder => join(folder, name)).find(file => existsSync(file));
  if (!found) throw new Error(`The program ${name} is missing: install the Debian packages mosquitto, mosquitto-clients and openssl.`);
  return found;
}

export class Mosquitto implements AsyncDisposable {
  readonly port: number;
  readonly folder: string;
  readonly #configuration: string;
  #child: ChildProcess | undefined;
  #log = '';
  private constructor(port: number, folder: string, configuration: string) {
    this.port = port;
    this.folder = folder;
    this.#configuration = configuration;
  }

  /** @param configuration lines for the given port and folder; default: everybody may do everything */
  static async start(configuration = (port: number, _folder: string) => `listener ${port} 127.0.0.1\nallow_anonymous true\n`): Promise<Mosquitto> {
    const folder = await mkdtemp(join(tmpdir(), 'tagd-mosquitto-'));
    const port = await closedPort();
    // Started by root it would become user mosquitto, who cannot read this folder.
    const broker = new Mosquitto(port, folder, `user ${userInfo().username}\npersistence false\nlog_type all\n${configuration(port, folder)}`);
    await broker.run();
    return broker;
  }

  get url(): string { return `mqtt://127.0.0.1:${this.port}`; }
  get log(): string { return this.#log; }

  async run(): Promise<void> {
    const file = join(this.folder, 'mosquitto.conf');
    await writeFile(file, this.#configuration);
    const child = spawn(program('mosquitto'), ['-c', file], { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (text: Buffer) => { this.#log += text.toString(); });
    this.#child = child;
    let listening = false;
    await until(`mosquitto listens on ${this.port}`, () => {
      if (child.exitCode !== null) throw new Error(`mosquitto ended with exit code ${child.exitCode}: ${this.#log}`);
      const socket = connect(this.port, '127.0.0.1', () => { listening = true; socket.destroy(); });
      socket.on('error', () => {});
      return listening;
    });
  }

  async kill(): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise(resolve => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await rm(this.folder, { recursive: true });
  }
}

/** Writes a file of passwords as an operator would. */
export function makePasswords(file: string, accounts: Record<string, string>): void {
  Object.entries(accounts).forEach(([user, password], i) =>
    execFileSync(program('mosquitto_passwd'), ['-b', ...(i === 0 ? ['-c'] : []), file, user, password], { stdio: 'ignore' }));
}

/** Makes `ca.crt`, and `broker.crt` with `broker.key` for 127.0.0.1 signed by it. */
export function makeCertificates(folder: string): void {
  const openssl = (...args: string[]) => execFileSync(program('openssl'), args, { cwd: folder, stdio: 'ignore' });
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  openssl('req', '-x509', ...newKey, '-subj', '/CN=Test authority', '-keyout', 'ca.key', '-out', 'ca.crt');
  openssl('req', ...newKey, '-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', 'broker.key', '-out', 'broker.csr');
  openssl('x509', '-req', '-in', 'broker.csr', '-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2', '-copy_extensions', 'copy', '-out', 'broker.crt');
}
