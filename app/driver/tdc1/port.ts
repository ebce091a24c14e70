// driver/tdc1/port.ts - the serial line of a TDC1: commands out, lines of text in, as long as no words are streaming.
import { TaggerError, isTaggerError } from '../../core/errors.ts';
import type { UsbAccess } from '../usb-access.ts';
import { drain } from '../usb-tagger.ts';
import { cdc, line, lineCoding, serialPortOf, type SerialPort } from './protocol.ts';

const replyMs = 500;
const mostReplyBytes = 4096;

export class Port {
  readonly access: UsbAccess;
  readonly #port: SerialPort;

  /** Claims both interfaces and silences what an earlier host has left running. */
  static async open(access: UsbAccess): Promise<Port> {
    const port = serialPortOf(access.interfaces);
    if (!port) {
      throw new TaggerError('protocol', `Cannot use the device at ${access.identity.port} as an S-Fifteen TDC1: it has no serial interface (CDC-ACM).`, { hint: 'It is another device of that maker.' });
    }
    await access.claim(port.control);
    await access.claim(port.data);
    // Baud and lines mean nothing to it, so it may refuse them.
    for (const [request, value, data] of [[cdc.setLineCoding, 0, lineCoding], [cdc.setControlLineState, cdc.bothLines, undefined]] as const) {
      await access.controlOut({ requestType: cdc.requestType, request, value, index: port.control }, data).catch((error: unknown) => {
        if (!isTaggerError(error) || error.code !== 'device-refused') throw error;
      });
    }
    const opened = new Port(access, port);
    // The empty line ends half a command of a host that died.
    await opened.send('');
    await opened.send('abort');
    await drain(access, port.in);
    return opened;
  }

  private constructor(access: UsbAccess, port: SerialPort) {
    this.access = access;
    this.#port = port;
  }

  get endpoint(): number { return this.#port.in; }

  async send(command: string): Promise<void> { await this.access.bulkOut(this.#port.out, line(command), replyMs); }

  /** Sends a question; the line that comes back, without its end. */
  async ask(question: string): Promise<string> {
    await this.send(question);
    let text = '';
    for (const until = performance.now() + replyMs; !text.includes('\n') && performance.now() < until;) {
      text += String.fromCharCode(...await this.access.bulkIn(this.#port.in, 512, replyMs));
      if (text.length > mostReplyBytes) break;
    }
    const reply = text.split('\n')[0]!.trim();
    if (text === '') throw new TaggerError('device-lost', `The S-Fifteen TDC1 at ${this.access.identity.port} does not answer ${question}.`, { hint: 'Unplug it and plug it in again.' });
    if (!text.includes('\n') || !/^[\x20-\x7e]*$/.test(reply)) {
      throw new TaggerError('protocol', `The device at ${this.access.identity.port} answers ${question} with ${text.length} bytes that are not a line of text.`, { hint: 'It is no TDC1, or its firmware is another one.' });
    }
    return reply;
  }

  /** Asks for a number, which begins the reply. */
  async number(question: string): Promise<number> {
    const reply = await this.ask(question), value = Number.parseFloat(reply);
    if (!Number.isFinite(value)) throw new TaggerError('protocol', `The S-Fifteen TDC1 answers ${question} with '${reply.slice(0, 60)}', which is no number.`);
    return value;
  }
}
