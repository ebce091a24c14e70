// test/driver/conformance.ts - what every driver must keep, real, simulated or replayed: one suite for all of them.
import type { TestFn } from 'ava';
import type { Settings, Tagger } from '../../app/core/tagger.ts';
import { isTaggerError } from '../../app/core/errors.ts';
import { FakeSink, type FakeSinkOptions } from '../support/fake-sink.ts';

export interface DriverUnderTest {
  name: string;
  /** Opens a tagger whose stream ends by itself, soon, with at least a thousand tags. */
  open(): Promise<Tagger>;
  /** Opens one whose stream goes on for longer than any test. */
  openEndless(): Promise<Tagger>;
  /** A change that must be accepted, if the tagger has settings. */
  change?: Settings;
  /** Its stream has no end: what comes until the sink is stopped after so many tags is looked at. */
  stopAfter?: number;
}

export function conformance(test: TestFn, driver: DriverUnderTest): void {
  const { name, open, openEndless } = driver;
  const never = (): AbortSignal => new AbortController().signal;
  const collect = async (options: FakeSinkOptions = {}): Promise<FakeSink> => {
    await using tagger = await open();
    const sink = new FakeSink(stopping(options));
    await tagger.run(sink, never());
    return sink;
  };
  const { stopAfter } = driver;
  const stopping = (options: FakeSinkOptions): FakeSinkOptions => (stopAfter === undefined ? options : { stopAfter, ...options });
  /** Where the stream is cut off depends on what is under way. */
  const common = <T extends BigInt64Array | Uint8Array>(tags: T): T => (stopAfter === undefined ? tags : tags.slice(0, stopAfter) as T);

  test(`${name}: says what it is`, async t => {
    await using tagger = await open();
    const { info } = tagger;
    for (const text of [info.model, info.serial, info.driver]) t.true(typeof text === 'string' && text.length > 0);
    t.true(info.source === 'live' || info.source === 'waitable');
    t.true(Number.isInteger(info.tick.num) && info.tick.num > 0 && Number.isInteger(info.tick.den) && info.tick.den > 0);
    t.true(info.channels.length > 0 && info.channels.length <= 254);
    const numbers = info.channels.map(channel => channel.number);
    t.is(new Set(numbers).size, numbers.length, 'a channel is listed twice');
    t.deepEqual(numbers, [...numbers].sort((a, b) => a - b), 'equal times are ordered by index, so indexes follow the numbers');
    t.true(info.channels.every(channel => channel.name.length > 0));
    t.true(info.settings.every(({ key, label }) => /^[a-z]/.test(key) && label.length > 0));
    t.notThrows(() => structuredClone(info), 'info crosses threads');
  });

  test(`${name}: its settings are complete and within their own ranges`, async t => {
    await using tagger = await open();
    const { tagger: whole = {}, channels = {} } = tagger.settings();
    for (const setting of tagger.info.settings) {
      const values = setting.scope === 'tagger' ? [whole[setting.key]] : tagger.info.channels.map(({ number }) => channels[number]?.[setting.key]);
      for (const value of values) {
        if (setting.kind === 'boolean') t.is(typeof value, 'boolean');
        else if (setting.kind === 'choice') t.true(setting.choices?.includes(value as string));
        else t.true(Number(value) >= (setting.min ?? -Infinity) && Number(value) <= (setting.max ?? Infinity), `${setting.key} is ${value}`);
      }
    }
    t.deepEqual(await tagger.configure(tagger.settings()), tagger.settings(), 'its own settings are no change');
  });

  test(`${name}: refuses a bad change whole`, async t => {
    await using tagger = await open();
    const before = tagger.settings();
    const first = tagger.info.channels[0]!.number;
    const bad: unknown[] = [
      null, 5, 'all', [], { colour: 1 }, { channels: { 999: { deadTimePs: 1 } } }, { channels: { [first]: { noSuchKey: 1 } } }, { tagger: { noSuchKey: true } },
      { channels: { [first]: null } }, { channels: { [first]: { ['__proto__x']: 1 } } },
    ];
    for (const setting of tagger.info.settings) {
      const wrong = setting.kind === 'number' ? [NaN, Infinity, '1', null, (setting.max ?? 1e300) + 1, (setting.min ?? -1e300) - 1] : [1, 'maybe', null];
      for (const value of wrong) {
        const values = { [setting.key]: value };
        // A good change in front of the bad one must not get through either.
        bad.push(setting.scope === 'tagger' ? { ...driver.change, tagger: values } : { channels: { ...driver.change?.channels, [tagger.info.channels.at(-1)!.number]: values } });
      }
    }
    for (const change of bad) {
      const error = await t.throwsAsync(tagger.configure(change as Settings), undefined, `accepted ${JSON.stringify(change)}`);
      t.true(isTaggerError(error) && error.code !== 'internal' && error.message.startsWith('Cannot '), String(error));
      t.deepEqual(tagger.settings(), before, `${JSON.stringify(change)} left a trace`);
    }
  });

  if (driver.change) {
    test(`${name}: configure() gives back what was applied, complete`, async t => {
      await using tagger = await open();
      const before = tagger.settings();
      const applied = await tagger.configure(driver.change!);
      t.deepEqual(applied, tagger.settings());
      for (const [number, values] of Object.entries(driver.change!.channels ?? {})) {
        t.deepEqual(applied.channels![Number(number)], { ...before.channels![Number(number)], ...values });
      }
    });
  }

  test(`${name}: tags are ordered within an epoch, equal times by channel, and of listed channels`, async t => {
    await using tagger = await open();
    const sink = new FakeSink(stopping({}));
    await tagger.run(sink, never());
    const { timesPs, channels } = sink;
    t.true(timesPs.length >= 1000, `${timesPs.length} tags`);
    const epochs = new Set(sink.markers.filter(marker => marker.kind === 'epoch').map(marker => marker.tagsBefore));
    let disorder = 0;
    for (let i = 1; i < timesPs.length; i++) {
      if (!epochs.has(i) && (timesPs[i]! < timesPs[i - 1]! || (timesPs[i] === timesPs[i - 1] && channels[i]! < channels[i - 1]!))) disorder++;
    }
    t.is(disorder, 0);
    t.true(channels.every(index => index < tagger.info.channels.length));
  });

  test(`${name}: heartbeats go forward, pass no tag that is still to come and end with the stream`, async t => {
    const sink = await collect({ rooms: [100] });
    const { timesPs } = sink;
    const beats = sink.markers.flatMap(marker => (marker.kind === 'heartbeat' ? [{ ...marker }] : []));
    t.true(beats.length > 0);
    for (const [i, { atPs, tagsBefore }] of beats.entries()) {
      t.true(i === 0 || atPs >= beats[i - 1]!.atPs, `heartbeat ${i}`);
      t.true(tagsBefore === timesPs.length || timesPs[tagsBefore]! >= atPs, `a tag at ${timesPs[tagsBefore]} came after the heartbeat ${atPs}`);
    }
    t.true(beats.at(-1)!.atPs >= timesPs.at(-1)!);
  });

  test(`${name}: the same tags and markers whatever the size of the rooms`, async t => {
    const expected = await collect();
    const quiet = (sink: FakeSink): unknown[] => sink.markers.filter(marker => marker.kind !== 'heartbeat');
    for (const rooms of [[1], [7], [777], [1, 16, 17, 3, 250]]) {
      const sink = await collect({ rooms });
      t.deepEqual(common(sink.timesPs), common(expected.timesPs), `times with rooms of ${rooms}`);
      t.deepEqual(common(sink.channels), common(expected.channels), `channels with rooms of ${rooms}`);
      t.deepEqual(quiet(sink), quiet(expected), `markers with rooms of ${rooms}`);
    }
  });

  test(`${name}: a second run is like the first; two at once are refused`, async t => {
    await using tagger = await open();
    const sinks = [new FakeSink(stopping({})), new FakeSink(stopping({}))];
    const running = tagger.run(sinks[0]!, never());
    await t.throwsAsync(tagger.run(new FakeSink(), never()), { message: /^Cannot .* running already/ });
    await running;
    await tagger.run(sinks[1]!, never());
    t.deepEqual(common(sinks[1]!.timesPs), common(sinks[0]!.timesPs));
  });

  test(`${name}: run() resolves on abort and lets messages through meanwhile`, async t => {
    await using tagger = await openEndless();
    const control = new AbortController();
    const sink = new FakeSink({ forget: true });
    const running = tagger.run(sink, control.signal);
    // Timers only fire if the driver gives way.
    const timer = setInterval(() => { if (sink.tags > 0) control.abort(); }, 1);
    await running;
    clearInterval(timer);
    t.true(sink.tags > 0);
    const aborted = new FakeSink({ forget: true });
    await tagger.run(aborted, AbortSignal.abort());
    t.is(aborted.tags, 0, 'aborted before it began');
  });

  test(`${name}: run() returns soon after the sink is stopped`, async t => {
    await using tagger = await openEndless();
    const sink = new FakeSink({ forget: true, rooms: [64], stopAfter: 100 });
    await tagger.run(sink, never());
    t.true(sink.tags >= 100 && sink.tags < 20_000, `${sink.tags} tags`);
  });

  test(`${name}: disposing ends a run; disposing again does nothing; a disposed one does not run`, async t => {
    const tagger = await openEndless();
    const sink = new FakeSink({ forget: true });
    const running = tagger.run(sink, never());
    await tagger[Symbol.asyncDispose]();
    await running;
    await tagger[Symbol.asyncDispose]();
    const error = await t.throwsAsync(tagger.run(sink, never()));
    t.true(isTaggerError(error) && error.code === 'closed');
  });
}
