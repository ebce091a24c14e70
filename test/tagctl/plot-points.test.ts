// test/tagctl/plot-points.test.ts - plots of values at points: slopes, last digits, and what must hold for every shape.
import test from 'ava';
import { plotPoints, type PointOptions } from '../../app/tagctl/plot-points.ts';
import { visible } from '../../app/tagctl/terminal.ts';
import { Random } from '../support/random.ts';

const options = (extra: Partial<PointOptions> = {}): PointOptions => ({
  title: 'Title', xLabel: 'tau (s)', yLabel: 'deviation', terminal: { colour: false, unicode: false, columns: 40 }, rows: 6, ...extra,
});

test('plotPoints() of a power law is a straight line on logarithmic axes', t => {
  const tau = [1e-3, 1e-2, 1e-1, 1];
  t.is(plotPoints(tau, tau.map(s => 1e-12 / s), options({ logX: true, logY: true })).join('\n'), `\
Title
deviation, log
      |''...
      |     ''...
1e-10 +          '''....
      |                 '''...
      |                       '''..
1e-12 +                            '''..
      ++----------+---------+----------+
       1ms      10ms      100ms       1s
                   tau, log`);
});

test('plotPoints() shows the last digits of values that agree in many, and a gap where one is missing', t => {
  const x = Array.from({ length: 30 }, (_, i) => i * 1e9);
  t.is(plotPoints(x, x.map((_, i) => (i === 10 ? NaN : 1e7 + (i < 15 ? 0.001 : 0.002))), options({ xLabel: 'time (ps)', yLabel: 'frequency (Hz)' })).join('\n'), `\
Title
frequency - 10000000.001 Hz (mHz)
1 +                   :''''''''''''''''
  |                  .'
  |                  :
  |                  :
  |                 .'
0 + ...........  ...:
  ++-----------+------------+-----------
   0          10           20
                 time (ms)`);
});

test('plotPoints() is never wider than the terminal and never throws, whatever the values', t => {
  for (let seed = 0; seed < 300; seed++) {
    const random = new Random(seed), n = random.pick([0, 1, 2, 5, 300]), size = 10 ** random.integer(-15, 15);
    const value = (): number => random.pick([0, NaN, Infinity, 1, size, -size, size * random.next(), size * (random.next() - 0.5), 1e7 + random.next()]);
    const x = Array.from({ length: n }, (_, i) => i * size), y = Array.from({ length: n }, value), columns = random.pick([30, 80, 200]);
    const extra = { logX: random.chance(0.5), logY: random.chance(0.5), rows: random.pick([3, 16]), yLabel: random.pick(['L(f) (dBc/Hz)', 'offset (ps)', 'x']) };
    const lines = plotPoints(x, y, options({ ...extra, terminal: { colour: false, unicode: random.chance(0.5), columns } }));
    t.is(lines.length, extra.rows + 5);
    for (const line of lines) if (visible(line) > columns) t.fail(`seed ${seed}: ${visible(line)} columns: ${line}`);
  }
});
