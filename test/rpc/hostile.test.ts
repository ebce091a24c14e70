// test/rpc/hostile.test.ts - a peer that means harm: garbage, floods, depth, amplification, names of prototypes.
//
// After each attack the station answers an honest client, nothing was left behind and no bug was reported.
import test, { type ExecutionContext } from 'ava';
import type { WebSocket } from 'ws';
import { limits } from '../../app/core/limits.ts';
import { checkMessage } from '../../app/rpc/frames.ts';
import { protocols } from '../../app/core/wire.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { Random } from '../support/random.ts';
import { failure, openSocket, rawConnect, secretOf, until } from '../support/raw-rpc.ts';
import { serveStation, type ServedStation } from '../support/rpc-station.ts';

/** What comes back until the connection ends. */
async function attack(served: ServedStation, frames: (string | Uint8Array)[], subprotocols?: string[]): Promise<{ code: number; replies: number; bytes: number }> {
  const socket = await openSocket(served.port, subprotocols ? { protocols: subprotocols } : {});
  return await new Promise(resolve => {
    let replies = 0;
    let bytes = 0;
    socket.on('message', data => {
      replies++;
      bytes += (data as Buffer).length;
    });
    socket.on('close', code => { resolve({ code, replies, bytes }); });
    for (const frame of frames) socket.send(frame);
  });
}

async function stillFine(t: ExecutionContext, served: ServedStation): Promise<void> {
  await using session = await served.connect();
  t.is((await session.info()).name, 'Fake station');
  t.deepEqual(served.internal, []);
}

const redeem = (secret: string) => JSON.stringify(['push', ['pipeline', 0, ['redeem'], [secret]]]);

test('frames that are no messages close the connection and nothing else', async t => {
  await using served = await serveStation();
  const frames = [
    'garbage', '', '[', '{}', 'null', '7', '"push"', '[]', '["push"]', '["push",1]', '["push",["export",1]]', '["pull"]', '["pull","x"]', '["pull",1e400]', '["pull",99]',
    '["release",0]', '["release",0,-1]', '["release",7,1]', '["pipe"]', '["stream",["pipeline",0,["hello"],[]]]', '["resolve"]', '["nonsense",1]',
    '["push",["pipeline",0]]', '["push",["pipeline","0",["hello"],[]]]', '["push",["pipeline",0,"hello",[]]]', '["push",["pipeline",0,[{}],[]]]', '["push",["pipeline",0,["hello"],{}]]', '["push",["pipeline",0,["hello","call"],[]]]',
    '["push",["pipeline",0,[],[]]]', '["push",["pipeline",0,["hello"]]]', '["push",["pipeline",99,["hello"],[]]]', '["push",["pipeline",0,["redeem"],[["bigint","x"]]]]',
    `["push",${'['.repeat(1500)}`, `["push",["pipeline",0,["redeem"],[${'['.repeat(800)}1${']'.repeat(800)}]]]`, `["push",["pipeline",0,["redeem"],[${'{"a":'.repeat(200)}1${'}'.repeat(200)}]]]`,
    'x'.repeat(limits.unauthenticatedMessageBytes + 1), new Uint8Array([0, 255, 1, 2]), '["push",["pipeline",0,["redeem"],[["bytes",7]]]]', '["push",["pipeline",0,["redeem"],[["bytes","AAAA","Float64Array"]]]]',
    '["resolve",1,["bytes","AAAA"]]',
    '["push",["pipeline",0,["redeem"],[["bigint","' + '9'.repeat(2000) + '"]]]]',
  ];
  for (const frame of frames) t.is((await attack(served, [frame])).code, 4400, String(frame).slice(0, 80));
  t.is((await attack(served, [JSON.stringify(['push', ['pipeline', 0, ['hello'], ['x'.repeat(limits.unauthenticatedMessageBytes)]]])])).code, 4400, 'a stranger says too much');
  t.not((await attack(served, ['x'.repeat(limits.messageBytes + 1)])).code, 1000, 'a frame beyond every limit');
  for (const frame of [new Uint8Array(3), new Uint8Array(200), new Uint8Array([255, 255, 255, 255, 0]), 'text']) {
    t.is((await attack(served, [frame], [protocols.binary])).code, 4400, 'binary');
  }
  await until(() => served.rpc.connections === 0, 'all connections are gone');
  await stillFine(t, served);
});

test('remap, nested calls and values built from results are refused, before and after a link is redeemed', async t => {
  await using served = await serveStation();
  const amplifiers = [
    ['push', ['remap', 0, ['hello'], [], [['value', 1]]]],
    ['push', ['pipeline', 0, ['redeem'], [['remap', 0, [], [], []]]]],
    ['push', [[['pipeline', 1], ['pipeline', 1]]]],
    ['push', ['pipeline', 0, ['redeem'], [[[['pipeline', 1], ['pipeline', 1]]]]]],
    ['push', ['pipeline', 0, ['redeem'], [['pipeline', 0, ['hello'], []]]]],
    ['push', ['pipeline', 0, ['redeem'], [['import', 0]]]],
    ['push', ['pipeline', 0, ['redeem'], [['promise', 5]]]],
    ['push', ['pipeline', 0, ['redeem'], [['readable', 5]]]],
    ['push', ['pipeline', 0, ['redeem'], [['request', 'http://127.0.0.1/', {}]]]],
  ].map(message => JSON.stringify(message));
  const spelled = '["push",["\\u0072emap",0,["hello"],[],[]]]';
  for (const frame of [...amplifiers, spelled]) {
    for (const before of [[], [redeem(secretOf(served.link)), '["pull",1]']]) {
      const { code, bytes } = await attack(served, [...before, frame]);
      t.is(code, 4400, frame);
      t.true(bytes < 2000, `${bytes} bytes came back for ${frame}`);
    }
  }
  await stillFine(t, served);
});

test('names of prototypes lead nowhere and pollute nothing', async t => {
  await using served = await serveStation();
  const socket = await openSocket(served.port);
  const replies: string[] = [];
  socket.on('message', data => { replies.push(String(data as Buffer)); });
  const paths = [['constructor'], ['__proto__'], ['toString'], ['hasOwnProperty'], ['__defineGetter__'], ['prototype'], ['valueOf'], ['#desk'], [''], ['0']];
  paths.forEach((path, i) => {
    socket.send(JSON.stringify(['push', ['pipeline', 0, path, ['x']]]));
    socket.send(JSON.stringify(['pull', i + 1]));
  });
  await until(() => replies.length === paths.length, 'every path was answered');
  for (const reply of replies) t.regex(reply, /^\["reject",\d+,\["error"/);
  socket.terminate();
  await using peer = await rawConnect(served.port);
  const session = await peer.gate['redeem']!(secretOf(served.link));
  const polluted = JSON.parse('{"facet":"view","__proto__":{"uses":3},"constructor":{"prototype":{"x":1}}}') as object;
  t.is(await failure(() => session['share']!(polluted)), undefined);
  t.is(({} as Record<string, unknown>)['x'], undefined);
  await stillFine(t, served);
});

test('a stranger gets few messages and little time; strangers give way to newer ones', async t => {
  const clock = new ManualClock();
  await using served = await serveStation({ clock });
  const hello = '["push",["pipeline",0,["hello"],[]]]';
  t.is((await attack(served, Array.from({ length: limits.unauthenticatedMessages + 1 }, () => hello))).code, 4400);
  const waiting: WebSocket[] = [];
  let sentAway = 0;
  for (let i = 0; i < limits.sessionsBeforeRedeem + 10; i++) {
    const socket = await openSocket(served.port);
    socket.on('close', () => { sentAway++; });
    waiting.push(socket);
  }
  await until(() => sentAway === 10, 'the oldest strangers were sent away');
  await stillFine(t, served);
  clock.advance(limits.unauthenticatedMs);
  await until(() => sentAway === waiting.length && served.rpc.connections === 0, 'the others had their time');
  await stillFine(t, served);
});

test('random messages never bring the station down or out as a bug', async t => {
  await using served = await serveStation();
  const seed = 20260111;
  const random = new Random(seed);
  const words = ['push', 'pull', 'pipeline', 'import', 'remap', 'export', 'promise', 'release', 'resolve', 'reject', 'abort', 'stream', 'pipe', 'bytes', 'bigint', 'date', 'error', 'undefined',
    'nan', 'blob', 'url', 'headers', 'hello', 'redeem', '__proto__', 'constructor', '', '\0', '\0\0'];
  const value = (depth: number): unknown => {
    switch (random.integer(0, depth > 5 ? 3 : 6)) {
      case 0: return random.pick(words);
      case 1: return random.pick([0, 1, -1, 2, 1e9, -0.5, 2 ** 53]);
      case 2: return random.pick([null, true, false]);
      case 3: return [];
      case 4: return { [random.pick(words)]: value(depth + 1) };
      default: return Array.from({ length: random.integer(0, 5) }, () => value(depth + 1));
    }
  };
  for (let i = 0; i < 20_000; i++) {
    const message = random.chance(0.5) ? ['push', ['pipeline', 0, [random.pick(words)], value(0)]] : value(0);
    const error = await failure(async () => { checkMessage(message); });
    t.true(error === undefined || error.code === 'protocol', `seed ${seed}, message ${i}: ${JSON.stringify(message)} -> ${error?.message}`);
  }
  for (let i = 0; i < 150; i++) {
    const socket = await openSocket(served.port);
    const ended = new Promise<void>(resolve => { socket.on('close', () => { resolve(); }); });
    for (let k = 0; k < 5; k++) socket.send(JSON.stringify(random.chance(0.7) ? ['push', ['pipeline', 0, [random.pick(words)], [value(2)]]] : value(0)) ?? '0');
    socket.close();
    await ended;
  }
  await using session = await served.connect();
  t.is((await session.info()).name, 'Fake station', `seed ${seed}`);
});

test('a connection that piles up results is closed before it hurts', async t => {
  await using served = await serveStation();
  const socket = await openSocket(served.port);
  const closed = new Promise<string>(resolve => { socket.on('close', (_, reason) => { resolve(reason.toString()); }); });
  socket.send(redeem(secretOf(served.link)));
  socket.send('["pull",1]');
  await new Promise<void>(resolve => { socket.once('message', () => { resolve(); }); });
  const ping = JSON.stringify(['push', ['pipeline', 0, ['hello'], []]]);
  for (let i = 0; i < limits.exportsPerSession + 2048; i++) socket.send(ping);
  t.regex(await closed, /more than 20000 results/);
  await stillFine(t, served);
});

test('an error that leaves the box has no stack and no cause', async t => {
  await using served = await serveStation();
  const socket = await openSocket(served.port);
  socket.send(redeem('wrong'));
  socket.send('["pull",1]');
  const reply = await new Promise<string>(resolve => { socket.on('message', data => { resolve(String(data as Buffer)); }); });
  t.regex(reply, /"code":"forbidden"/);
  t.notRegex(reply, /\.ts|\bat |cause/);
  socket.terminate();
});

test('a client that takes nothing of what it asked for is cut off, and others do not feel it', async t => {
  await using served = await serveStation();
  await using other = await served.connect();
  await using peer = await rawConnect(served.port);
  const session = await peer.gate['redeem']!(secretOf(served.link));
  const tagger = await session['tagger']!();
  const measurement = await tagger['measure']!('correlation', { channel1: 1, bins: limits.inlineResultBytes / 8 });
  peer.socket.pause();
  const calls = Array.from({ length: 1500 }, () => failure(() => measurement['getIndex']!()));
  let beats = 0;
  await until(() => {
    beats++;
    return served.rpc.connections === 1;
  }, 'it was cut off');
  t.true(beats > 50, `the event loop went on turning meanwhile: ${beats} turns`);
  t.is((await other.info()).name, 'Fake station');
  peer.socket.terminate();
  await Promise.all(calls);
  await stillFine(t, served);
});

test('pages elsewhere and foreign names are refused at the upgrade', async t => {
  await using served = await serveStation({ origins: ['https://lab.example'] });
  const own = `127.0.0.1:${served.port}`;
  const refused = async (headers: Record<string, string>): Promise<string> => {
    const error = await failure(async () => { (await openSocket(served.port, { headers })).terminate(); });
    return /\d{3}/.exec(error?.message ?? 'open')?.[0] ?? 'open';
  };
  t.is(await refused({ Origin: 'https://evil.example' }), '403');
  t.is(await refused({ Origin: 'null' }), '403');
  t.is(await refused({ Origin: `http://127.0.0.1:${served.port + 1}` }), '403');
  t.is(await refused({ Host: 'evil.example', Origin: 'http://evil.example' }), '421');
  t.is(await refused({ Host: `evil.example:${served.port}` }), '421');
  t.is(await refused({ Origin: `http://${own}` }), 'open');
  t.is(await refused({ Origin: 'https://lab.example' }), 'open');
  t.is(await refused({ Host: `localhost:${served.port}`, Origin: `http://localhost:${served.port}` }), 'open');
  t.is(await refused({ Host: `${served.station.info.id}.local` }), 'open');
});

test('wrong secrets get one answer, then busy; the right one passes all the same', async t => {
  await using served = await serveStation();
  const codes: (string | undefined)[] = [];
  for (let i = 0; i < limits.redeemsPerMinute + 5; i += 7) {
    await using peer = await rawConnect(served.port);
    for (let k = i; k < Math.min(i + 7, limits.redeemsPerMinute + 5); k++) codes.push((await failure(() => peer.gate['redeem']!(`wrong ${k}`)))?.code);
  }
  t.deepEqual([...new Set(codes.slice(0, limits.redeemsPerMinute))], ['forbidden']);
  t.deepEqual([...new Set(codes.slice(limits.redeemsPerMinute))], ['busy']);
  await stillFine(t, served);
  await using peer = await rawConnect(served.port);
  for (const secret of [undefined, 7, null, {}, [], () => {}]) t.is((await failure(() => peer.gate['redeem']!(secret)))?.code, 'usage', String(secret));
});
