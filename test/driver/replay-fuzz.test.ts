// test/driver/replay-fuzz.test.ts - damaged PTU files: opened and replayed, or refused with an error of ours; never a crash, a
// hang or a flood. TAGD_FUZZ sets the number of mutants.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { isTaggerError } from '../../app/core/errors.ts';
import { openReplay } from '../../app/driver/replay/driver.ts';
import { readHeader } from '../../app/driver/replay/header.ts';
import { FakeSink } from '../support/fake-sink.ts';
import { ptuFile, ptuHeader, ptuTypes, syncCode, type PtuType } from '../support/ptu.ts';
import { Random } from '../support/random.ts';

const mutants = Number(process.env['TAGD_FUZZ'] ?? 2000);
const folder = mkdtempSync(join(tmpdir(), 'tagd-fuzz-'));
test.after.always(() => { rmSync(folder, { recursive: true, force: true }); });
const never = new AbortController().signal;

function sound(random: Random): Uint8Array {
  const ticks: number[] = [], codes: number[] = [];
  for (let i = 0, at = 0; i < 400; i++) {
    at += random.chance(0.1) ? 0 : random.integer(1, 50_000_000);
    ticks.push(at);
    codes.push(random.pick([0, 1, 2, 3, syncCode + 5]));
  }
  return ptuFile(ticks, codes, { type: random.pick(Object.keys(ptuTypes) as PtuType[]), resolutionS: random.pick([1e-12, 4e-12, 3.90625e-12]) });
}

const interesting = [0, 1, 7, 8, 0x7f, 0x80, 0xff, 0x3f, 0xfe];

/** One to four of: bits, bytes, words, a piece cut out, doubled, or the end. */
function mutate(random: Random, bytes: Uint8Array, from: number, to: number): Uint8Array {
  let mutant = bytes.slice();
  for (let times = random.integer(1, 4); times > 0; times--) {
    const at = random.integer(from, Math.min(to, mutant.length) - 1);
    switch (random.integer(0, 5)) {
      case 0: mutant[at]! ^= 1 << random.integer(0, 7); break;
      case 1: mutant[at] = random.pick(interesting); break;
      case 2: mutant.fill(random.pick(interesting), at, at + random.pick([2, 4, 8])); break;
      case 3: mutant = new Uint8Array(Buffer.concat([mutant.subarray(0, at), mutant.subarray(at + random.integer(1, 60))])); break;
      case 4: mutant = new Uint8Array(Buffer.concat([mutant.subarray(0, at + random.integer(1, 60)), mutant.subarray(at)])); break;
      case 5: mutant = mutant.slice(0, random.chance(0.2) ? at : mutant.length); break;
    }
    if (mutant.length <= from) return mutant;
  }
  return mutant;
}

async function survives(bytes: Uint8Array): Promise<'played' | 'refused'> {
  const file = join(folder, 'mutant.ptu');
  writeFileSync(file, bytes);
  const sink = new FakeSink({ rooms: [1, 50, 16_000] });
  try {
    await using tagger = openReplay({ file, speed: 'unpaced' });
    await tagger.run(sink, never);
    // Four markers are the most that a record can hold.
    if (sink.tags > bytes.length) throw new Error(`${sink.tags} tags out of ${bytes.length} bytes`);
    if (sink.channels.some(index => index >= tagger.info.channels.length)) throw new Error('a tag of a channel that is not listed');
    return 'played';
  } catch (error) {
    if (!isTaggerError(error) || error.code === 'internal') throw error;
    if (error.message.length > 400 || /[^\x20-\x7e]/.test(error.message)) throw new Error(`a message nobody can read: ${JSON.stringify(error.message)}`, { cause: error });
    return 'refused';
  }
}

for (const [what, share, part] of [['headers', 0.5, 'header'], ['records', 0.3, 'body'], ['anything', 0.2, 'all']] as const) {
  test.serial(`damaged ${what} are played or refused`, async t => {
    const outcome = { played: 0, refused: 0 };
    let worstMs = 0;
    for (let seed = 1; seed <= mutants * share; seed++) {
      const random = new Random(seed), bytes = sound(random), headerBytes = readHeader(bytes, bytes.length, 'x').bytes;
      const mutant = mutate(random, bytes, part === 'body' ? headerBytes : 0, part === 'header' ? headerBytes : bytes.length);
      const begun = process.cpuUsage();
      try {
        outcome[await survives(mutant)]++;
      } catch (error) {
        t.fail(`seed ${seed}: ${error instanceof Error ? error.stack : String(error)}`);
        return;
      }
      // Processor time: how busy the computer is does not count.
      const { user, system } = process.cpuUsage(begun);
      worstMs = Math.max(worstMs, (user + system) / 1000);
    }
    t.log(outcome, `slowest ${worstMs.toFixed(1)} ms`);
    t.true(outcome.played > 0 && (part === 'body' || outcome.refused > 0), JSON.stringify(outcome));
    t.true(worstMs < 2000, `a mutant took ${worstMs} ms`);
  });
}

test.serial('random records behind a sound header are played or refused', async t => {
  for (let seed = 1; seed <= mutants / 20; seed++) {
    const random = new Random(seed), header = ptuHeader({ type: random.pick(Object.keys(ptuTypes) as PtuType[]) });
    const body = Uint8Array.from({ length: random.integer(0, 4000) }, () => random.integer(0, 255));
    await t.notThrowsAsync(survives(new Uint8Array(Buffer.concat([header, body]))), `seed ${seed}`);
  }
});
