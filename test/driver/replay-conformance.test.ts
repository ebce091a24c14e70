// test/driver/replay-conformance.test.ts - a replayed recording keeps what every driver must keep, unpaced and paced.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { openTagger } from '../../app/driver/open.ts';
import { Random } from '../support/random.ts';
import { ptuFile, syncCode, writePtu } from '../support/ptu.ts';
import { conformance } from './conformance.ts';

const folder = mkdtempSync(join(tmpdir(), 'tagd-replay-'));
test.after.always(() => { rmSync(folder, { recursive: true, force: true }); });

const random = new Random(3), ticks: number[] = [], codes: number[] = [];
for (let i = 0, at = 0; i < 4000; i++) {
  // Ties in any order, sync and markers among them.
  at += random.chance(0.2) ? 0 : random.integer(1, 30_000_000);
  ticks.push(at);
  codes.push(random.pick([0, 1, 2, 1, 0, syncCode, syncCode + 3, syncCode + 8]));
}
const small = join(folder, 'small.ptu'), large = join(folder, 'large.ptu');
writeFileSync(small, ptuFile(ticks, codes));
writePtu(large, { tags: 3_000_000, seed: 1 });

conformance(test, {
  name: 'replay', open: () => openTagger({ kind: 'replay', file: small, speed: 'unpaced' }),
  openEndless: () => openTagger({ kind: 'replay', file: large, speed: 'unpaced' }),
});
conformance(test, {
  name: 'replay, paced', open: () => openTagger({ kind: 'replay', file: small, speed: 2, startPs: 2n ** 60n }),
  openEndless: () => openTagger({ kind: 'replay', file: large, speed: 0.5 }),
});
