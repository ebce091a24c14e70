// test/tagctl/station.test.ts - tagctl against a real server on loopback; behind it stands a station without an engine.
import test from 'ava';
import { readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { systemClock } from '../../app/core/clock.ts';
import { Audit } from '../../app/rpc/audit.ts';
import type { ShareOptions } from '../../app/rpc/api.ts';
import { Grants } from '../../app/rpc/grants.ts';
import { serveRpc } from '../../app/rpc/server.ts';
import { FakeStation, type FakeMeasurement } from '../support/fake-station.ts';
import { emptyFolder, tagctl, type RunOptions, type Said } from './run.ts';

interface Bench extends AsyncDisposable {
  station: FakeStation;
  grants: Grants;
  port: number;
  link(grant: ShareOptions): Promise<string>;
  /** tagctl with an admin link in its environment. */
  run(args: readonly string[], options?: RunOptions): Promise<Said>;
}

async function openBench(taggers?: readonly string[]): Promise<Bench> {
  const folder = emptyFolder();
  const station = new FakeStation(taggers);
  const http = createServer();
  await new Promise<void>(resolve => { http.listen(0, '127.0.0.1', resolve); });
  const { port } = http.address() as AddressInfo;
  const grants = await Grants.open(folder, systemClock);
  const server = serveRpc(http, { station, grants, audit: await Audit.open(folder, systemClock), address: { host: '127.0.0.1', port } });
  const admin = server.links(grants.temporarySecret(grants.root.id)).link;
  return {
    station, grants, port,
    link: async grant => server.links((await grants.issue(grants.root.id, grant)).secret).link,
    run: (args, options = {}) => tagctl(args, { ...options, environment: { TAGD_LINK: admin, ...options.environment } }),
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      http.close();
      http.closeAllConnections();
    },
  };
}

/** Lets every measurement end as soon as it was started, as a source that is quick would. */
function endAtOnce(station: FakeStation): void {
  const tagger = station.tagger();
  const create = tagger.createMeasurements.bind(tagger);
  tagger.createMeasurements = async (requests, options) => {
    const made = await create(requests, options);
    for (const measurement of made) {
      const startFor = measurement.startFor.bind(measurement);
      measurement.startFor = async (durationPs, clear) => {
        await startFor(durationPs, clear);
        setImmediate(() => { measurement.finish(); });
      };
    }
    return made;
  };
}

test('login keeps the link for this user alone, and later commands find it', async t => {
  await using bench = await openBench();
  const environment = { TAGD_LINK: '', XDG_CONFIG_HOME: emptyFolder() };
  const link = await bench.link({ facet: 'view', label: 'for me' });
  const login = await bench.run(['login'], { environment, stdin: `${link}\n` });
  t.is(login.code, 0, login.stderr);
  t.regex(login.stdout, /Logged in to Fake station/);
  t.false(login.stdout.includes(link), 'the secret is not shown again');
  const file = join(environment.XDG_CONFIG_HOME, 'tagd/link');
  t.is(statSync(file).mode & 0o777, 0o600);
  t.is(readFileSync(file, 'utf8'), `${link}\n`);
  const info = await bench.run(['info'], { environment });
  t.is(info.code, 0, info.stderr);
  for (const words of ['Fake station', 'view "for me"', 'tagger-a', 'streaming']) t.true(info.stdout.includes(words), words);
});

test('info, taggers and rates as text and as one JSON document', async t => {
  await using bench = await openBench();
  const [info, taggers, rates, text] = await Promise.all([
    bench.run(['info', '--json']), bench.run(['taggers', '--json']), bench.run(['rates', '--json', '--for', '2s']), bench.run(['rates']),
  ]);
  t.is((JSON.parse(info.stdout) as { station: { id: string } }).station.id, bench.station.info.id);
  t.is((JSON.parse(taggers.stdout) as { taggers: { info: { model: string } }[] }).taggers[0]?.info.model, 'Fake');
  const { liveTimePs, channels } = JSON.parse(rates.stdout) as { liveTimePs: number; channels: { rateHz: number | null }[] };
  t.is(liveTimePs, 2e12);
  t.deepEqual(channels.map(({ rateHz }) => rateHz), [1000, 2000, 0, null]);
  t.is(text.code, 0, text.stderr);
  t.regex(text.stdout, /^channel .*\n *1 .* 1 kcps .*\n *2 .* 2 kcps .*\n *3 .* 0 cps .*\n *4 .* unknown .*\n *all .* 3 kcps\n$/);
});

test('rates --watch prints updates and ends with Ctrl-C', async t => {
  await using bench = await openBench();
  const watched = await bench.run(['rates', '--watch', '--json'], { interruptAt: /\n/ });
  t.is(watched.code, 130, watched.stderr);
  const [first = ''] = watched.stdout.split('\n');
  t.is((JSON.parse(first) as { channels: unknown[] }).channels.length, 4);
  const limited = await bench.run(['rates', '--watch', '--for', '1500ms']);
  t.is(limited.code, 0, limited.stderr);
  t.regex(limited.stdout, /1 kcps/);
});

test('set takes kebab words and units, and prints what was applied', async t => {
  await using bench = await openBench();
  const level = await bench.run(['set', '1', 'trigger-level', '-250mV']);
  t.is(level.code, 0, level.stderr);
  t.is(level.stdout, 'channel 1 trigger level: 500 mV -> -250 mV  (revision 2)\n');
  t.regex((await bench.run(['set', '2', 'dead-time', '4ns', '--revision', '2'])).stdout, /2 ns -> 4 ns/);
  t.regex((await bench.run(['set', '2', 'testSignal', 'on', '--json'])).stdout, /"testSignal":true/);
  t.regex((await bench.run(['set', 'clock-source', 'external'])).stdout, /clock: internal -> external/);
  t.regex((await bench.run(['set', 'conditional-filter', '1:2,3'])).stdout, /conditional filter: off -> 1:2,3/);
  t.regex((await bench.run(['set'])).stdout, /conditional-filter +1:2,3 +TRIGGER,\.\.\.:FILTERED,\.\.\., off/);
  t.regex((await bench.run(['set', 'conditional-filter', 'off'])).stdout, /conditional filter: 1:2,3 -> off/);
  t.like(bench.station.tagger().status().settings.channels?.[2], { deadTimePs: 4000, testSignal: true });
  const list = await bench.run(['set']);
  t.regex(list.stdout, /1 +trigger-level +-250 mV +-2\.5 V \.\. 2\.5 V/);
});

test('set refuses what the tagger does not know, a number without a unit, and an old revision', async t => {
  await using bench = await openBench();
  const cases: [string[], number, RegExp][] = [
    [['1', 'triger-level', '1V'], 64, /no such setting\.\nSettings of a channel: trigger-level, dead-time/],
    [['trigger-level', '1V'], 64, /It belongs to a channel: write tagctl set 1 trigger-level/],
    [['1', 'trigger-level', '0.5'], 64, /the unit is missing/],
    [['1', 'dead-time', '2V'], 64, /'V' is not a unit of time/],
    [['1', 'test-signal', 'maybe'], 64, /Write on or off/],
    [['clock-source', 'moon'], 64, /one of internal, external/],
    [['conditional-filter', '1'], 64, /Write the triggers, a colon and the filtered channels, as in 1:2,3, or off/],
    [['conditional-filter', '1:2:3'], 64, /a colon/],
    [['conditional-filter', '1:1'], 64, /channel 1 stands in it twice/],
    [['conditional-filter', '1:9'], 64, /no channel 9/],
    [['1', 'trigger-level', '0.1V', '--revision', '99'], 75, /revision 1, not 99/],
  ];
  await Promise.all(cases.map(async ([args, exitCode, message]) => {
    const { code, stdout, stderr } = await bench.run(['set', ...args]);
    t.is(code, exitCode, `${args.join(' ')}: ${stderr}`);
    t.regex(stderr, message, args.join(' '));
    t.is(stdout, '');
  }));
  t.is(bench.station.tagger().status().revision, 1);
});

test('measure runs for its time, prints the account, and disposes what it made', async t => {
  await using bench = await openBench();
  endAtOnce(bench.station);
  const { code, stdout, stderr } = await bench.run([
    'measure', 'correlation', '--channels', '1,2', '--binwidth', '16ps', '--bins', '50', '--for', '10s', '--delay', '1=-1ns',
    '--virtual', '1001=combiner channels=1,3', '--on-settings-change', 'stop', '--json',
  ]);
  t.is(code, 0, stderr);
  t.is(stderr, '');
  const document = JSON.parse(stdout) as Record<string, unknown>;
  t.like(document, {
    measurement: 'correlation', lossGrade: 'counted', lostIntervals: 1, liveTimePs: 9e11, missedTags: [0, null], interrupted: false,
    startPs: String(2n ** 60n), tickPs: { num: 1, den: 1 }, kernel: 'typescript',
  });
  t.is((document['counts'] as number[]).length, 50);
  t.is((document['indexPs'] as number[]).length, 50);
  const [measurement] = bench.station.tagger().measurements as [FakeMeasurement];
  t.deepEqual(measurement.config, { channel1: 1, channel2: 2, binwidthPs: 16, bins: 50 });
  t.like(measurement.options, { start: false, delaysPs: { 1: -1000 }, virtual: { 1001: { kind: 'combiner', channels: [1, 3] } }, onSettingsChange: 'stop' });
  t.true(measurement.calls.includes('startFor 10000000000000 true'), measurement.calls.join(', '));
  t.true(measurement.closed.aborted);
});

test('rates --watch ends with the reason when its link is revoked or the station goes', async t => {
  for (const how of ['revoked', 'gone'] as const) {
    await using bench = await openBench();
    const { grant, secret } = await bench.grants.issue(bench.grants.root.id, { facet: 'view' });
    const tagger = bench.station.tagger();
    const rates = tagger.rates.bind(tagger);
    const second = Promise.withResolvers<void>();
    let asked = 0;
    tagger.rates = windowMs => {
      if (++asked === 2) second.resolve(); // the first update was taken: it watches
      return rates(windowMs);
    };
    const watching = bench.run(['rates', '--watch'], { environment: { TAGD_LINK: `tagd://127.0.0.1:${bench.port}/#${secret}` } });
    await second.promise;
    if (how === 'revoked') await bench.grants.revoke(grant.id);
    else await bench[Symbol.asyncDispose]();
    const { code, stderr } = await watching;
    t.is(code, 69, stderr);
    t.regex(stderr, how === 'revoked' ? /This link was revoked/ : /the station shuts down/);
  }
});

test('measure countrate as text: rates with uncertainty, and the loss in plain sight', async t => {
  await using bench = await openBench();
  endAtOnce(bench.station);
  const { code, stdout, stderr } = await bench.run(['measure', 'countrate', '--channels', '1,2', '--for', '2s'], { environment: { LANG: 'en_US.UTF-8' } });
  t.is(code, 0, stderr);
  t.regex(stdout, /^Countrate {2}channels 1, 2 \| Fake\n/);
  t.regex(stdout, /live time +900 ms of 1 s/);
  t.regex(stdout, /loss +counted: an unknown number of tags missed in 1 interval/);
  t.regex(stdout, /± /);
  t.false(stdout.includes('\u001b'));
});

test('Ctrl-C stops a measurement and prints what was measured so far', async t => {
  await using bench = await openBench();
  const tagger = bench.station.tagger();
  const create = tagger.createMeasurements.bind(tagger);
  let interrupt: (() => void) | undefined;
  const started = new Promise<void>(resolve => { interrupt = resolve; });
  tagger.createMeasurements = async (requests, options) => {
    const made = await create(requests, options);
    setImmediate(() => interrupt?.());
    return made;
  };
  const said = bench.run(['measure', 'countrate', '--channels', '1', '--for', '1h', '--json'], { interruptWhen: started.then(() => waitForCall(tagger.measurements, 'waitUntilFinished')) });
  const { code, stdout, stderr } = await said;
  t.is(code, 130, stderr);
  t.true((JSON.parse(stdout) as { interrupted: boolean }).interrupted);
  t.regex(stderr, /was stopped before its time/);
  t.true(tagger.measurements[0]?.calls.includes('stop'));
});

/** Until the only measurement has been asked this. */
async function waitForCall(measurements: readonly FakeMeasurement[], call: string): Promise<void> {
  while (!measurements[0]?.calls.some(made => made.startsWith(call))) await new Promise(resolve => { setTimeout(resolve, 10); });
}

test('share prints both spellings, grants shows the tree, revoke ends it', async t => {
  await using bench = await openBench();
  const shared = await bench.run(['share', '--facet', 'measure', '--channels', '1,2', '--ttl', '2h', '--uses', '9', '--label', 'Bob']);
  t.is(shared.code, 0, shared.stderr);
  const [link = '', webLink = ''] = shared.stdout.split('\n');
  t.regex(link, /^tagd:\/\/127\.0\.0\.1:\d+\/#[\w-]{43}$/);
  t.regex(webLink, /^https?:\/\/127\.0\.0\.1:\d+\/#[\w-]{43}$/);
  const asBob = { environment: { TAGD_LINK: link } };
  const nested = JSON.parse((await bench.run(['share', '--facet', 'view', '--label', 'friend of Bob', '--json'], asBob)).stdout) as { id: string; link: string };
  const tree = await bench.run(['grants']);
  t.regex(tree.stdout, /measure +Bob +channels 1, 2, until .*\d uses left/);
  t.regex(tree.stdout, new RegExp(`\`- ${nested.id} +view +friend of Bob`));
  const refused = await bench.run(['share', '--facet', 'admin'], asBob);
  t.is(refused.code, 77);
  const [, id = ''] = /tagctl revoke (\w+)/.exec(shared.stdout) ?? [];
  t.is((await bench.run(['revoke', id])).code, 0);
  const revoked = await bench.run(['info'], asBob);
  t.is(revoked.code, 77, revoked.stderr);
  t.is((await bench.run(['info'], { environment: { TAGD_LINK: nested.link } })).code, 77, 'and what was made from it');
  t.is((await bench.run(['revoke', 'nothing'])).code, 64);
});

test('a station that cannot be reached or a link that is wrong: one message, one code', async t => {
  await using bench = await openBench();
  const secret = 'A'.repeat(43);
  const cases: [string, string[], number][] = [
    ['no daemon', ['--link', `tagd://127.0.0.1:1/#${secret}`], 69],
    ['a wrong secret', ['--link', `tagd://127.0.0.1:${bench.port}/#${secret}`], 77],
    ['no link at all', ['--link', 'hello'], 64],
    ['a cut link', ['--link', `tagd://127.0.0.1:${bench.port}/#AAAA`], 64],
    ['a wrong way', ['--via', '127.0.0.1:1'], 69],
  ];
  await Promise.all(cases.map(async ([what, args, exitCode]) => {
    const { code, stdout, stderr } = await bench.run(['info', ...args]);
    t.is(code, exitCode, `${what}: ${stderr}`);
    t.regex(stderr, /^tagctl: [^\n]+\n([^\n]+\n)?$/, what);
    t.false(stderr.includes(secret), what);
    t.is(stdout, '', what);
  }));
  const through = await bench.run(['info', '--json', '--link', (await bench.link({ facet: 'view' })).replace(/127\.0\.0\.1:\d+/, '127.0.0.1:9'), '--via', `127.0.0.1:${bench.port}`]);
  t.is(through.code, 0, through.stderr);
});

test('measure refuses what the tagger does not have, and asks which tagger is meant', async t => {
  await using bench = await openBench(['tagger-a', 'tagger-b']);
  const cases: [string[], number, RegExp][] = [
    [['countrate', '--channels', '9', '--tagger', 'tagger-a'], 64, /channel 9/],
    [['correlation', '--channels', '1,2', '--binwidth', '0ps', '--tagger', 'tagger-a'], 64, /binwidthPs/],
    [['correlation', '--channels', '1,2', '--bins', '1e12', '--tagger', 'tagger-a'], 64, /1000000000000/],
    [['countrate', '--channels', '1'], 64, /tagger-a, tagger-b/],
    [['countrate', '--channels', '1', '--tagger', 'tagger-x'], 64, /tagger-x/],
  ];
  await Promise.all(cases.map(async ([args, exitCode, message]) => {
    const { code, stderr } = await bench.run(['measure', ...args]);
    t.is(code, exitCode, `${args.join(' ')}: ${stderr}`);
    t.regex(stderr, message, args.join(' '));
  }));
  const byView = await bench.run(['measure', 'countrate', '--channels', '1', '--tagger', 'tagger-a', '--link', await bench.link({ facet: 'view' })]);
  t.is(byView.code, 77, byView.stderr);
});
