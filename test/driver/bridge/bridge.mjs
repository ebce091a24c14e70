// test/driver/bridge/bridge.mjs - a bridge without a tagger: tags that follow from a seed, losses on purpose, and every way to misbehave.
//
//   node bridge.mjs '{"tags":5000}'      as a good one; see `options` for the rest
import { readFileSync, writeFileSync, writeSync } from 'node:fs';
import { createInterface } from 'node:readline';

const options = { tags: Infinity, seed: 1, channels: [1, 2, 3, -1], overflowEvery: 0, heartbeatMs: undefined, fromPs: 0, patch: {}, misbehave: '', ...JSON.parse(process.argv[2] ?? '{}') };
const { misbehave, channels } = options;
const say = line => writeSync(2, `${JSON.stringify(line)}\n`);

/** A file that is there once says that an earlier child has had the fault: the next one is well. */
function isFirst() {
  if (!options.once) return true;
  try {
    readFileSync(options.once);
    return false;
  } catch {
    writeFileSync(options.once, '');
    return true;
  }
}
const bad = misbehave !== '' && isFirst() ? misbehave : '';

const settings = [
  { key: 'triggerLevelV', label: 'trigger level', kind: 'number', unit: 'V', scope: 'channel', min: -2, max: 2, default: 0.5 },
  { key: 'deadTimePs', label: 'dead time', kind: 'number', unit: 'ps', scope: 'channel', min: 0, max: 1e6, step: 1, default: 0 },
  { key: 'testSignal', label: 'test signal', kind: 'boolean', scope: 'channel', default: false },
  { key: 'mode', label: 'mode', kind: 'choice', scope: 'tagger', choices: ['standard', 'fine'], default: 'standard' },
];
const values = { tagger: { mode: 'standard' }, channels: Object.fromEntries(channels.map(number => [number, { triggerLevelV: 0.5, deadTimePs: 0, testSignal: false }])) };
const capabilities = () => ({
  tagd: 1, kind: 'capabilities', model: 'Test bridge', serial: 'T-1', format: 'si16', tick: { num: 1, den: 1 }, channels: channels.map(number => ({ number, name: `In ${number}` })),
  settings, values, overflowReport: 'counted', ...(options.heartbeatMs && { heartbeatMs: options.heartbeatMs }), ...options.patch,
});

const bytes = Buffer.alloc(16);
let written = 0, run, tags, timePs, emitted, missed, state;
const random = () => {
  state = (state + 0x9e3779b9) >>> 0;
  let z = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
  z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
  return ((z ^ (z >>> 16)) >>> 0) / 2 ** 32;
};
const batch = [];
function put(type, channel, ps, count = 0) {
  bytes.writeUInt8(type, 0);
  bytes.writeUInt16LE(count, 2);
  bytes.writeInt32LE(channel, 4);
  bytes.writeBigInt64LE(BigInt(ps) + BigInt(options.fromPs), 8);
  batch.push(Buffer.from(bytes));
  written++;
}
/** Standard output takes what it takes; the rest waits here. */
function flush(most = Infinity) {
  const all = Buffer.concat(batch.splice(0));
  for (let at = 0; at < Math.min(all.length, most);) {
    try {
      at += writeSync(1, all, at, Math.min(all.length, most) - at);
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error;
    }
  }
}

function start() {
  written = tags = timePs = 0;
  emitted = Object.fromEntries(channels.map(number => [number, 0]));
  missed = { ...emitted };
  state = options.seed;
  let bytesLeft = options.diesAfterBytes ?? Infinity;
  const next = () => {
    timePs += Math.floor(random() * 2000) + (random() < 0.1 ? 0 : 1);
    return channels[Math.floor(random() * channels.length)];
  };
  const step = () => {
    if (options.dark) put(4, 0, (timePs += 20e9));
    else for (let i = 0; i < 256 && tags < options.tags; i++) {
      // Equal times in the order of their channels, as the protocol wants it.
      const before = timePs, channel = next(), ties = timePs === before ? 1 : 0;
      if (ties) timePs++;
      if (bad === 'backwards' && tags === 700) timePs -= 100_000;
      emitted[channel]++;
      tags++;
      put(0, channel, timePs);
      if (tags % 64 === 0) for (const number of channels.toSorted((a, b) => a - b)) if (number > channel) {
        put(0, number, timePs);
        emitted[number]++;
        tags++;
      }
      if (options.overflowEvery && tags % options.overflowEvery === 0) overflow(next);
    }
    if (bad === 'text' && tags > 500) batch.push(Buffer.from('Traceback (most recent call last):\n  File "x.py"'));
    if (bad === 'noise' && tags > 500) batch.push(Buffer.from(Array.from({ length: 64 }, (_, i) => 200 - i)));
    if (bad === 'dies' && batch.length * 16 >= bytesLeft) {
      flush(bytesLeft);
      say({ kind: 'error', message: 'The cable of the tagger was pulled.', hint: 'Plug it in.' });
      process.exit(3);
    }
    bytesLeft -= batch.length * 16;
    flush();
    if (bad === 'silent' && tags > 500) return;
    if (tags >= options.tags) say({ kind: 'end', records: written });
    else run = options.paceMs ? setTimeout(step, options.paceMs) : setImmediate(step);
  };
  run = setImmediate(step);
}

function overflow(next) {
  put(2, 0, ++timePs);
  const lost = {};
  // More of one channel than one record can say.
  for (let i = 0; i < 100; i++) {
    const channel = next(), n = channel === channels[0] ? 2000 : 1;
    lost[channel] = (lost[channel] ?? 0) + n;
  }
  for (const [number, count] of Object.entries(lost)) {
    emitted[number] += count;
    missed[number] += count;
    for (let rest = count; rest > 0; rest -= 0xffff) put(4, Number(number), timePs, Math.min(rest, 0xffff));
  }
  put(3, 0, ++timePs);
}

function stop() {
  clearImmediate(run);
  clearTimeout(run);
  // Over a network the two pipes may arrive in another order than they were written.
  if (options.lateMs) {
    put(0, channels[0], timePs + 1);
    emitted[channels[0]]++;
    setTimeout(flush, options.lateMs);
  }
  if (options.report) writeFileSync(options.report, JSON.stringify({ emitted, missed }));
}

function hear(line) {
  const { id, command, change } = JSON.parse(line);
  if (bad === 'unanswered') return;
  if (command === 'configure') {
    if (bad === 'refuses') return say({ kind: 'refused', id, message: 'Cannot set the trigger level: the vendor library said no.', hint: 'Ask the vendor.' });
    Object.assign(values.tagger, change.tagger);
    for (const [number, some] of Object.entries(change.channels ?? {})) Object.assign(values.channels[number], some);
    return say({ kind: 'done', id, settings: bad === 'lies' ? { tagger: { mode: 'purple' } } : values });
  }
  if (command === 'start') {
    start();
    return say({ kind: 'done', id, fromPs: String(options.fromPs) });
  }
  if (bad === 'unstopped') return undefined;
  stop();
  return say({ kind: 'done', id, records: written });
}

if (bad === 'stubborn') process.on('SIGTERM', () => {});
if (bad === 'exits') {
  writeSync(2, "ModuleNotFoundError: No module named 'TimeTagger'");
  process.exit(1);
} else if (bad === 'line') {
  for (;;) writeSync(2, 'x'.repeat(65_536));
} else if (bad === 'chatter') {
  for (;;) writeSync(2, `${'warning: '.repeat(100)}\n`);
} else if (bad === 'binary') {
  for (let i = 0; i < 100; i++) writeSync(2, Buffer.from(Array.from({ length: 50 }, (_, k) => (i * k * 7) & 255)));
  writeSync(2, '\n');
}
if (bad === 'mute') setInterval(() => {}, 1000);
else {
  if (bad === 'busy') for (const at of [0, 3000, 6000]) setTimeout(() => say({ kind: 'busy', message: 'loading the FPGA' }), at);
  if (bad === 'busy') setTimeout(() => say(capabilities()), 7000);
  else say(capabilities());
  if (bad === 'busy later') say({ kind: 'busy', message: 'of no use any more' });
  if (bad === 'eager') {
    put(0, channels[0], 5);
    flush();
  }
  if (bad === 'deaf' || bad === 'stubborn') setInterval(() => {}, 1000);
  if (bad !== 'deaf') createInterface({ input: process.stdin }).on('line', hear).on('close', () => { if (bad !== 'stubborn') process.exit(0); });
}
