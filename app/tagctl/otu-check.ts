// tagctl/otu-check.ts - `tagctl otu-check` behind its options: a device is asked everything that docs/otu-v1.md says, one answer a check.
//
// For firmware authors: a check that fails says what was seen and where it is written. What cannot be checked because an earlier thing
// failed is not checked at all, so the first FAILED is the one to look at. Longer than usual because the checks share the device and its state.
import { TaggerError, isTaggerError } from '../core/errors.ts';
import { capsLimits, parseCaps, valueOf, type OtuCaps, type OtuSetting } from '../driver/otu/caps.ts';
import { readCaps } from '../driver/otu/driver.ts';
import { heartbeatMs, identity as otuIdentity, infoBytes, interfaceOf, latencyMs as latencies, parseInfo, parseStatus, pingBytes, readFrom, requests, statusBytes, writeTo, type OtuInfo, type OtuStatus } from '../driver/otu/protocol.ts';
import type { Setup, UsbAccess, UsbBus, UsbIdentity } from '../driver/usb-access.ts';
import { hex, rules, StreamCheck, type Rule } from './otu-stream.ts';

export interface Check { name: string; ok: boolean; /** What was seen; for a failure what was expected too. */ seen: string; /** Of docs/otu-v1.md. */ section: string }
export interface CheckOptions {
  /** Serial number or port, where several are attached. */
  device?: string | undefined;
  /** How long tags are looked at, each of two times. */
  seconds: number;
  latencyMs: number;
  signal: AbortSignal;
}

const answerMs = 100, transfers = 16, transferBytes = 16 * 1024, pollMs = 20, lastMs = 1000;
/** A host is late itself: a little always, and much now and then. */
const hostMs = 50, lateOnes = 2;

/** @throws {TaggerError} `not-found`, `conflict`, or what opening it gives; all else is a check that failed */
export async function* checkOtu(bus: UsbBus, options: CheckOptions): AsyncGenerator<Check, void> {
  const identity = await chosen(bus, options.device);
  await using access = await bus.open(identity);
  yield* new OtuCheck(access, options).all();
}

async function chosen(bus: UsbBus, device: string | undefined): Promise<UsbIdentity> {
  const all = await bus.list(), wanted = all.filter(({ serial, port, product }) => (device === undefined ? product.includes(otuIdentity.word) : serial === device || port === device));
  const [first] = wanted;
  const text = ({ product, port, serial }: UsbIdentity): string => `${product || 'a device without a product string'} (port ${port}${serial === '' ? '' : `, serial ${serial}`})`;
  if (!first) {
    throw new TaggerError('not-found', device === undefined ? `Cannot check an OTU tagger: no attached device has the word ${otuIdentity.word} in its product string.` : `Cannot check the USB device ${device}: it is not attached.`, {
      hint: all.length === 0 ? 'No USB device is seen at all.' : `Name one with --device; attached are ${all.slice(0, 8).map(text).join(', ')}.`,
    });
  }
  if (wanted.length > 1) throw new TaggerError('conflict', `Cannot check an OTU tagger: several are attached: ${wanted.map(text).join(', ')}.`, { hint: 'Name one with --device SERIAL or --device PORT.' });
  return first;
}

class OtuCheck {
  readonly #access: UsbAccess;
  readonly #options: CheckOptions;
  /** The slowest answers of the device. Two may be the fault of this computer, which has other things to do. */
  #slowest: { ms: number; what: string }[] = [];

  constructor(access: UsbAccess, options: CheckOptions) {
    this.#access = access;
    this.#options = options;
  }

  async *all(): AsyncGenerator<Check, void> {
    yield this.#strings();
    const found = interfaceOf(this.#access.interfaces);
    yield this.#interface(found?.endpoint);
    if (!found) return;
    await this.#access.claim(found.number, found.alternate);

    const info = await this.#value(() => this.#info());
    yield check('INFO', '3.1', info, ({ inputs, isE64, hasFalling, tick, maxRate }) =>
      `${inputs} input${inputs === 1 ? '' : 's'}, ${isE64 ? 'E64' : 'E32'}, ${hasFalling ? 'both edges' : 'rising edges'}, tick ${Number((tick.num / tick.den).toPrecision(6))} ps, ${maxRate} tags/s`);
    if (!info.value) return;
    const caps = await this.#value(() => this.#caps(info.value!));
    yield check('CAPS', '3.2', caps, ({ settings }) => (settings.length === 0 ? 'nothing can be set' : `${settings.length} settings: ${settings.map(({ info: { key } }) => key).join(', ')}`));
    if (!caps.value) return;
    yield* this.#run(info.value, caps.value, found.endpoint);
  }

  async *#run(info: OtuInfo, caps: OtuCaps, endpoint: number): AsyncGenerator<Check, void> {
    yield check('STOP when nothing runs', '3.5', await this.#value(async () => {
      await this.#tell(writeTo(requests.stop));
      await this.#access.clearHalt(endpoint);
      await this.#quiet(endpoint);
      return 'accepted, and nothing is sent';
    }));
    yield check('requests that are not there', '3', await this.#value(() => this.#refusals(info, caps)));
    for (const setting of caps.settings) yield check(setting.info.key, '3.3', await this.#value(() => this.#setting(setting, info)));

    yield* this.#stream('as it is', info, caps, endpoint, false);
    const test = caps.settings.find(({ info: { key, kind } }) => key === 'testSignal' && kind === 'boolean');
    if (info.hasTestSignal !== (test !== undefined)) {
      yield { name: 'test signal', ok: false, section: '3.2', seen: info.hasTestSignal ? 'INFO has the flag, and there is no boolean setting testSignal' : 'there is a setting testSignal, and INFO does not have the flag' };
    }
    if (test && !this.#options.signal.aborted) {
      const set = await this.#value(async () => {
        await this.#setAll(test, info, 1);
        return 'on';
      });
      if (set.value === undefined) yield check('test signal', '3.3', set);
      else yield* this.#stream('test signal', info, caps, endpoint, true);
      await this.#setAll(test, info, 0).catch(() => {});
    }
    const { ms, what } = this.#slowest.at(-1)!, isSoon = ms <= answerMs + hostMs;
    yield { name: 'answers in time', section: '3', ok: isSoon, seen: isSoon ? `within ${ms.toFixed(0)} ms` : `${what} took ${ms.toFixed(0)} ms, and ${answerMs} ms are allowed` };
  }

  #strings(): Check {
    const { product, manufacturer, serial } = this.#access.identity, wrong: string[] = [];
    if (!product.split(/\W+/).includes(otuIdentity.word)) wrong.push(`the product string '${product}' does not have the word ${otuIdentity.word}`);
    if (manufacturer === '') wrong.push('the manufacturer string is empty');
    if (serial === '') wrong.push('the serial number string is empty');
    for (const [what, text] of Object.entries({ product, manufacturer, serial })) if (text !== '' && !/^[\u0020-\u007e]{1,64}$/.test(text)) wrong.push(`the ${what} string is not 1 to 64 printable ASCII characters`);
    return { name: 'strings', section: '2', ok: wrong.length === 0, seen: wrong[0] ?? `${manufacturer}, ${product}, ${serial}` };
  }

  #interface(endpoint: number | undefined): Check {
    const { interfaces } = this.#access, made = (ok: boolean, seen: string): Check => ({ name: 'interface', section: '2', ok, seen });
    const same = interfaces.filter(({ class: code, subclass, protocol, alternate }) => code === otuIdentity.class && subclass === otuIdentity.subclass && protocol === otuIdentity.protocol && alternate === 0);
    const list = interfaces.map(({ class: code, subclass, protocol, name }) => `${hex(Uint8Array.of(code, subclass, protocol)).replaceAll(' ', '/')} '${name}'`).join(', ') || 'none';
    if (same.length !== 1) return made(false, `one interface ff/4f/01 is due, and there are ${same.length}; interfaces: ${list}`);
    if (same[0]!.name !== otuIdentity.name) return made(false, `its string is '${same[0]!.name}' in place of ${otuIdentity.name}`);
    if (endpoint === undefined) return made(false, 'it has no bulk IN endpoint');
    const packetBytes = same[0]!.endpoints.find(({ address }) => address === endpoint)?.packetBytes ?? 0;
    return made(packetBytes === 64 || packetBytes === 512, `bulk IN ${endpoint.toString(16)} (hex), packets of ${packetBytes} bytes${packetBytes === 64 || packetBytes === 512 ? '' : ', not 64 or 512'}`);
  }

  async #info(): Promise<OtuInfo> {
    const bytes = await this.#ask(readFrom(requests.info), infoBytes), info = parseInfo(bytes), again = await this.#ask(readFrom(requests.info), 8);
    if (hex(again) !== hex(bytes.subarray(0, 8))) throw new Seen(`8 bytes were asked for, and ${hex(again) || 'nothing'} came`);
    for (const [at, length] of [[22, 2], [28, 4]] as const) if (bytes.subarray(at, at + length).some(byte => byte !== 0)) throw new Seen(`bytes ${at} to ${at + length - 1} are not 0`);
    if (new DataView(bytes.buffer, bytes.byteOffset).getUint32(16, true) >> 4 !== 0) throw new Seen('flags above bit 3 are set');
    return info;
  }

  async #caps({ inputs }: OtuInfo): Promise<OtuCaps> {
    const json = await readCaps(this.#access), caps = parseCaps(json, inputs), at = Math.min(5, json.length);
    // Any offset may be asked for, and any length.
    const middle = await this.#ask(readFrom(requests.caps, 4 + at), 3), behind = await this.#ask(readFrom(requests.caps, 4 + json.length), 64);
    if (middle.length > 3 || hex(middle) !== hex(json.subarray(at, at + middle.length)) || (middle.length === 0 && json.length > at)) throw new Seen(`3 bytes at offset ${4 + at} were asked for, and ${hex(middle) || 'nothing'} came`);
    if (behind.length > 0) throw new Seen(`${behind.length} bytes came from behind the end, and none are due`);
    if (json.length > capsLimits.bytes) throw new Seen(`${json.length} bytes are too many`);
    return caps;
  }

  async #refusals({ inputs }: OtuInfo, { settings }: OtuCaps): Promise<string> {
    const free = Array.from({ length: 40 }, (_, i) => i + 1000).find(key => !settings.some(each => each.key === key))!;
    const data = (raw: number, length = 4): Uint8Array => new Uint8Array(Int32Array.of(raw).buffer.slice(0, length));
    const wrong: [string, Setup, Uint8Array | undefined][] = [
      ['the request 7f (in)', readFrom(0x7f), undefined], ['the request 7f (out)', writeTo(0x7f), new Uint8Array(0)], [`GET of key ${free}`, readFrom(requests.get, free), undefined],
      [`SET of key ${free}`, writeTo(requests.set, free), data(0)], [`START with a latency of ${latencies.most + 1} ms`, writeTo(requests.start, latencies.most + 1), new Uint8Array(0)],
    ];
    for (const { key, info: { key: name, scope }, raw: { min, max } } of settings) {
      const index = scope === 'channel' ? 1 : 0;
      wrong.push([`GET of ${name} with index ${inputs + 1}`, readFrom(requests.get, key, inputs + 1), undefined], [`SET of ${name} with 3 bytes`, writeTo(requests.set, key, index), data(min, 3)]);
      if (max < 2 ** 31 - 1) wrong.push([`SET of ${name} to ${max + 1}`, writeTo(requests.set, key, index), data(max + 1)]);
      if (min > -(2 ** 31)) wrong.push([`SET of ${name} to ${min - 1}`, writeTo(requests.set, key, index), data(min - 1)]);
    }
    for (const [what, setup, out] of wrong) {
      const refused = await (out === undefined ? this.#ask(setup, 64) : this.#tell(setup, out)).then(() => false, (error: unknown) => isTaggerError(error) && error.code === 'device-refused');
      if (!refused) throw new Seen(`${what} was not stalled`);
    }
    return `${wrong.length} tried, each is stalled`;
  }

  /** Both ends of its range and the middle, at the first and the last input; then back. */
  async #setting(setting: OtuSetting, { inputs }: OtuInfo): Promise<string> {
    const { key, raw: { min, max, step }, info: { kind, scope } } = setting, places = scope === 'tagger' ? [0] : [...new Set([1, inputs])], seen: string[] = [];
    for (const index of places) {
      const get = async (): Promise<number> => {
        const bytes = await this.#ask(readFrom(requests.get, key, index), 4);
        if (bytes.length !== 4) throw new Seen(`GET answered ${bytes.length} bytes in place of 4`);
        const raw = new DataView(bytes.buffer, bytes.byteOffset).getInt32(0, true);
        if (valueOf(setting, raw) === undefined) throw new Seen(`GET answered ${raw}, and ${min} to ${max} in steps of ${step} is its range`);
        return raw;
      };
      const before = await get(), tried = [...new Set([min, Math.round((min / 2 + max / 2) / step) * step, max])], applied: number[] = [];
      for (const raw of tried) {
        await this.#tell(writeTo(requests.set, key, index), new Uint8Array(Int32Array.of(raw).buffer));
        const got = await get();
        if (kind !== 'number' && got !== raw) throw new Seen(`SET ${raw} was accepted, and GET answers ${got}`);
        if (got !== await get()) throw new Seen(`GET answers another value each time after SET ${raw}`);
        applied.push(got);
      }
      if (tried.length > 1 && new Set(applied).size === 1) throw new Seen(`GET answers ${applied[0]} whatever is SET (${tried.join(', ')})`);
      if (applied.some((got, i) => i > 0 && got < applied[i - 1]!)) throw new Seen(`SET ${tried.join(', ')} gave ${applied.join(', ')}`);
      await this.#tell(writeTo(requests.set, key, index), new Uint8Array(Int32Array.of(before).buffer));
      const after = await get();
      if (after !== before) throw new Seen(`SET back to ${before} gave ${after}`);
      if (seen.length === 0) seen.push(`SET ${tried.join(', ')}: applied ${applied.join(', ')}`);
    }
    return seen.join('');
  }

  async #setAll({ key, info: { scope } }: OtuSetting, { inputs }: OtuInfo, raw: number): Promise<void> {
    const places = scope === 'tagger' ? [0] : Array.from({ length: inputs }, (_, k) => k + 1);
    for (const index of places) await this.#tell(writeTo(requests.set, key, index), new Uint8Array(Int32Array.of(raw).buffer));
  }

  /** START to STOP, with requests meanwhile. */
  async *#stream(label: string, info: OtuInfo, caps: OtuCaps, endpoint: number, isTest: boolean): AsyncGenerator<Check, void> {
    const { seconds, latencyMs, signal } = this.#options, watch = new StreamCheck(info, latencyMs), named = (name: string): string => `${label}: ${name}`;
    const pings: Ping[] = [], delaysMs: number[] = [];
    let status: OtuStatus | undefined, pausesMs = [0, 0, 0], isRefused = false, lastAfterMs = NaN;
    const pause = (ms: number): void => { pausesMs = [...pausesMs, ms].toSorted((a, b) => b - a).slice(0, lateOnes + 1); };
    await using source = this.#access.stream(endpoint, transfers, transferBytes);
    const started = await this.#value(async () => {
      await this.#tell(writeTo(requests.start, latencyMs));
      return 'accepted';
    });
    yield check(named('START'), '3.4', started);
    if (started.value === undefined) return;
    const asked = await this.#value(async () => {
      const sinceMs = performance.now();
      let heardMs = sinceMs, askedMs = sinceMs;
      const take = async (): Promise<void> => {
        const askedMs = performance.now(), data = await source.next(pollMs), nowMs = performance.now();
        if (!data || data.length === 0) return;
        pause(nowMs - heardMs);
        heardMs = nowMs;
        watch.take(data);
        const last = pings.at(-1);
        // What had come already says how late we are, not the device.
        if (last && watch.ticks > 0 && nowMs - askedMs > 0.5) delaysMs.push(nowMs - last.hostMs - (watch.ticks - last.ticks) * watch.msPerTick);
      };
      while (performance.now() - sinceMs < 1000 * seconds && !watch.isLost && !signal.aborted) {
        await take();
        if (performance.now() - askedMs < 100) continue;
        askedMs = performance.now();
        const answer = await this.#ask(readFrom(requests.ping, 0x1234, 0x5678), pingBytes), view = new DataView(answer.buffer, answer.byteOffset), answeredMs = performance.now();
        if (answer.length !== pingBytes || view.getUint32(0, true) !== 0x56781234 || view.getUint32(4, true) !== 0) throw new Seen(`PING 1234, 5678 (hex) was answered ${hex(answer) || 'by nothing'}`);
        pings.push({ hostMs: (askedMs + answeredMs) / 2, widthMs: answeredMs - askedMs, ticks: Number(view.getBigUint64(8, true)) });
        if (!parseStatus(await this.#ask(readFrom(requests.status), statusBytes)).isRunning) throw new Seen('STATUS says that nothing runs');
        if (!isRefused) {
          isRefused = await this.#tell(writeTo(requests.start, latencyMs)).then(() => false, () => true);
          if (!isRefused) throw new Seen('START while the stream runs was not stalled');
        }
      }
      pause(performance.now() - heardMs);
      const stopMs = performance.now();
      await this.#tell(writeTo(requests.stop));
      while (!watch.isEnded && !watch.isLost && performance.now() - stopMs < lastMs) await take();
      lastAfterMs = performance.now() - stopMs;
      for (let data; (data = await source.next(pollMs)) !== undefined && !watch.isLost;) watch.take(data);
      watch.end();
      status = parseStatus(await this.#ask(readFrom(requests.status), statusBytes));
      return `${pings.length} times PING and STATUS`;
    });
    if (asked.value === undefined) await this.#tell(writeTo(requests.stop)).catch(() => {});
    yield check(named('requests while tags flow'), '3', asked);
    yield* this.#verdicts(named, watch, { isTest, latencyMs, pings, delaysMs, pausesMs, lastAfterMs, status, testRateHz: caps.testRateHz });
  }

  *#verdicts(named: (name: string) => string, watch: StreamCheck, { isTest, latencyMs, pings, delaysMs, pausesMs, lastAfterMs, status, testRateHz }: Run): Generator<Check, void> {
    const runMs = watch.ticks * watch.msPerTick;
    const rule = (name: string, of: readonly Rule[], good: string): Check => {
      const broken = of.find(each => watch.breaches.has(each));
      return { name: named(name), ok: broken === undefined, seen: broken === undefined ? good : watch.breaches.get(broken)!, section: rules[broken ?? of[0]!] };
    };
    const made = (name: string, section: string, ok: boolean, text: string): Check => ({ name: named(name), section, ok, seen: text });
    yield rule('blocks', ['blocks', 'flags'], `${watch.blocks} blocks`);
    yield rule('records', ['records'], `${watch.tags} tags of ${[...watch.channels.keys()].sort((a, b) => a - b).join(', ') || 'no channel'}`);
    yield rule('numbers of blocks', ['numbers'], 'none is missing');
    yield rule('order of times', ['order', 'ties', 'span'], 'never back, equal times by channel');
    if (watch.isLost) return;
    // Open for a heartbeat and behind it: two of them lie between what two blocks say at most.
    const perSecond = watch.blocks / (runMs / 1000), [longestMs, oftenMs] = [pausesMs[0]!, pausesMs.at(-1)!];
    const isSteady = watch.longestPauseMs <= 2 * heartbeatMs + 5 && longestMs < 1000 && oftenMs <= heartbeatMs + 4 * hostMs && watch.blocks >= Math.floor(runMs / heartbeatMs);
    const rare = `${perSecond.toFixed(1)} blocks a second, ${watch.longestPauseMs.toFixed(0)} ms between two of them by its clock, ${longestMs.toFixed(0)} ms by ours; one is due every ${heartbeatMs} ms`;
    yield made('heartbeat', '4.5', isSteady, isSteady ? `${perSecond.toFixed(0)} blocks a second` : rare);
    // A busy computer makes some blocks late, a device that waits too long all of them.
    const delayMs = delaysMs.toSorted((a, b) => a - b)[Math.floor(delaysMs.length / 4)] ?? NaN, spanned = watch.breaches.get('latency');
    const isLate = delayMs > latencyMs + hostMs;
    const age = `blocks are ${Math.max(0, delayMs).toFixed(0)} ms old when they come${isLate ? `, and a tag may wait ${latencyMs} ms` : ''}`;
    yield made('latency', '4.5', spanned === undefined && !isLate, spanned ?? (delaysMs.length === 0 ? 'this computer is too slow to measure it' : age));
    const [first, last] = [pings[0], pings.at(-1)];
    if (first && last && last.hostMs - first.hostMs > 300) {
      const spanMs = last.hostMs - first.hostMs, ratio = (last.ticks - first.ticks) * watch.msPerTick / spanMs, isRight = Math.abs(ratio - 1) < 0.002 + (first.widthMs + last.widthMs) / spanMs;
      yield made('clock', '3.1', isRight, isRight ? `PING agrees with INFO's tick` : `by PING and INFO's tick its clock runs ${ratio.toPrecision(4)} times as fast as ours`);
    }
    if (isTest) {
      yield made('flag', '4.1', watch.tests === watch.blocks, watch.tests === watch.blocks ? 'every block has the flag test' : `${watch.blocks - watch.tests} of ${watch.blocks} blocks do not have the flag test`);
      const hz = watch.tags / (runMs / 1000), isRight = testRateHz === undefined ? hz > 0 : Math.abs(hz / testRateHz - 1) < 0.1;
      yield made('rate', '3.2', isRight, `${hz.toFixed(0)} tags a second${isRight ? '' : testRateHz === undefined ? ' with the test signal on' : `, and testRateHz is ${testRateHz}`}`);
    }
    const isWhole = !watch.breaches.has('loss') && status?.lost === 0;
    yield made('loss', '4.4', isWhole, isWhole ? 'nothing is lost' : `${watch.breaches.get('loss') ?? `STATUS tells of ${status?.lost} lost edges`}: nothing may be lost at this rate`);
    yield rule('last block', ['last'], `${lastAfterMs.toFixed(0)} ms behind STOP`);
    if (!status) return;
    const agrees = status.tags === watch.tags && status.lost === watch.lost && status.blocks === watch.blocks && !status.isRunning;
    yield made('STATUS', '3.6', agrees, agrees ? `agrees with the stream${status.celsius === undefined ? '' : `, ${status.celsius.toFixed(1)} degrees Celsius`}`
      : `it says ${status.tags} tags, ${status.lost} lost, ${status.blocks} blocks${status.isRunning ? ', running' : ''}, and ${watch.tags}, ${watch.lost}, ${watch.blocks} came`);
  }

  async #quiet(endpoint: number): Promise<void> {
    for (let tries = 0; tries < 500; tries++) if ((await this.#access.bulkIn(endpoint, transferBytes, pollMs)).length === 0) return;
    throw new Seen('it goes on sending');
  }

  async #ask(setup: Setup, length: number): Promise<Uint8Array> { return await this.#timed(setup, () => this.#access.controlIn(setup, length)); }
  async #tell(setup: Setup, data?: Uint8Array): Promise<void> { await this.#timed(setup, () => this.#access.controlOut(setup, data)); }

  async #timed<T>({ request }: Setup, run: () => Promise<T>): Promise<T> {
    const sinceMs = performance.now();
    try { return await run(); } finally {
      this.#slowest.push({ ms: performance.now() - sinceMs, what: `request ${request.toString(16).padStart(2, '0')} (hex)` });
      this.#slowest = this.#slowest.toSorted((a, b) => b.ms - a.ms).slice(0, lateOnes + 1);
    }
  }

  /** A device that fails is the result; one that has gone ends everything. */
  async #value<T>(run: () => Promise<T>): Promise<Outcome<T>> {
    try {
      return { value: await run() };
    } catch (error) {
      if (error instanceof Seen) return { failure: error.message };
      if (!isTaggerError(error) || this.#access.gone.aborted) throw error;
      return { failure: error.message.replace(/\.$/, '') };
    }
  }
}

/** What was seen of a device that does not conform. */
class Seen extends Error {}
/** A moment of the device's clock, known to this width in ours. */
interface Ping { hostMs: number; widthMs: number; ticks: number }
interface Run {
  isTest: boolean; latencyMs: number; pings: Ping[]; delaysMs: number[]; pausesMs: number[]; lastAfterMs: number; status: OtuStatus | undefined;
  testRateHz: number | undefined;
}
interface Outcome<T> { value?: T; failure?: string }

function check<T>(name: string, section: string, { value, failure }: Outcome<T>, text: (value: T) => string = String): Check {
  return value === undefined ? { name, section, ok: false, seen: failure ?? 'no answer' } : { name, section, ok: true, seen: text(value) };
}
