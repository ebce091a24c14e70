// test/tagctl/plot.test.ts - plots as they appear, and what must hold for every shape: nothing lost, nothing too wide.
import test from 'ava';
import { sparkline, bar } from '../../app/tagctl/canvas.ts';
import { plotMap } from '../../app/tagctl/map.ts';
import { plot, type PlotOptions, type Series } from '../../app/tagctl/plot.ts';
import { visible } from '../../app/tagctl/terminal.ts';
import { Random } from '../support/random.ts';

const ascii = { colour: false, unicode: false, columns: 40 };
const braille = { colour: false, unicode: true, columns: 40 };
const options = (extra: Partial<PlotOptions> = {}): PlotOptions => ({ title: 'Correlation', xLabel: 't(ch1) - t(ch2) (ps)', yLabel: 'pairs', terminal: ascii, rows: 6, ...extra });
const bins = (y: ArrayLike<number>, width: number, from = 0): Series => ({ x: Float64Array.from({ length: y.length }, (_, k) => from + k * width), y, width });
const data = (lines: readonly string[]): string[] => lines.slice(2, -3).map(line => line.slice(line.search(/[|+│┤]/) + 1));

test('plot() of a peak in the middle, in ASCII and in braille', t => {
  const y = Array.from({ length: 35 }, (_, k) => Math.round(100 * Math.exp(-(((k - 17) / 4) ** 2))));
  t.is(plot(bins(y, 100, -1750), options()).join('\n'), `\
Correlation
pairs
100 +                .'.
    |               :   '.
    |              .'    :
    |             .'      :
    |            .'        :
  0 +..........''           ''..........
    +-------+---------+---------+-------
           -1         0         1
            t(ch1) - t(ch2) (ns)`);
  t.is(plot(bins(y, 100, -1750), options({ terminal: braille })).join('\n'), `\
Correlation
pairs
100 ┤                ⡖⠉⠒⡄
    │               ⡖⠁  ⠓⡄
    │              ⡤⠃    ⠧⡀
    │             ⡤⠃      ⠧⡀
    │            ⡤⠃        ⠧⡀
  0 ┤⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⠤⠋           ⠉⠦⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀
    └───────┬─────────┬─────────┬───────
           -1         0         1
            t(ch1) - t(ch2) (ns)`);
});

test('plot() keeps a single high bin among a million', t => {
  const random = new Random(3);
  for (let i = 0; i < 4; i++) {
    const at = random.integer(0, 999_999);
    const y = new Uint32Array(1_000_000).fill(3);
    y[at] = 250;
    const [top = ''] = data(plot(bins(y, 1), options({ rows: 5 }))).filter(line => line.trim() !== '');
    t.is(top.trim().length, 1, `seed ${random.seed}, bin ${at}: one column reaches up`);
    t.true(Math.abs(top.search(/\S/) / top.length - 1) < 0.05 || Math.abs(top.search(/\S/) / 34 - at / 1e6) < 0.05, `seed ${random.seed}, bin ${at}: at its place`);
  }
});

test('plot() is as wide as the terminal at most, for every shape', t => {
  const random = new Random(4);
  for (let i = 0; i < 60; i++) {
    const length = random.pick([0, 1, 2, 7, 34, 35, 100, 5000]);
    const y = Float64Array.from({ length }, () => random.chance(0.1) ? NaN : random.next() * 10 ** random.integer(-3, 12));
    const columns = random.integer(40, 120);
    const lines = plot(bins(y, random.pick([1, 16, 1e9, 1e12]), random.pick([0, -1e5, 1e12])), options({
      log: random.chance(0.5), yLabel: random.pick(['pairs', 'rate (Hz)']), terminal: { colour: false, unicode: random.chance(0.5), columns }, rows: random.integer(4, 20),
    }));
    for (const line of lines) t.true(visible(line) <= columns, `seed ${random.seed}, plot ${i}: '${line}' is wider than ${columns}`);
    t.false(lines.join('').includes('NaN'), `seed ${random.seed}, plot ${i}\n${lines.join('\n')}`);
  }
});

test('plot() leaves a gap where nothing is known', t => {
  const y = Array.from({ length: 30 }, (_, k) => (k >= 10 && k < 20 ? NaN : 5));
  const drawn = data(plot(bins(y, 1), options({ terminal: { ...ascii, columns: 35 } }))).find(line => line.trim() !== '') ?? '';
  t.regex(drawn, /^\S{10,11} {9,11}\S{10,11}$/);
});

test('plot() says so when there is nothing to draw, and draws zeros', t => {
  t.true(plot(bins([], 16), options()).join('\n').includes('no data'));
  t.true(plot(bins([NaN, NaN], 16), options()).join('\n').includes('no data'));
  t.regex(data(plot(bins([0, 0, 0], 16), options())).at(-1) ?? '', /^\.+$/);
});

test('plot() of sparse entries draws zero between them', t => {
  const lowest = data(plot({ x: [0, 900], y: [10, 10], width: 100, sparse: true }, options())).at(-1) ?? '';
  t.regex(lowest, /^\S+$/);
});

test('plot() with a logarithmic axis labels decades', t => {
  const lines = plot(bins([1, 10, 100, 1000, 0], 1), options({ log: true, rows: 12 }));
  t.deepEqual(lines.map(line => /^ *(\S+) \+/.exec(line)?.[1]).filter(label => label !== undefined && label !== '+'), ['1000', '100', '10', '1']);
});

test('plot() names the axes with the SI prefix that fits', t => {
  const rate = plot(bins([1e6, 2e6], 5e11), options({ xLabel: 'time (ps)', yLabel: 'rate (Hz)' }));
  t.is(rate[1], 'rate (MHz)');
  t.is(rate.at(-1)?.trim(), 'time (s)');
});

test('colours appear only where the terminal shows them', t => {
  t.false(plot(bins([1], 1), options()).join('').includes('\u001b'));
  t.true(plot(bins([1], 1), options({ terminal: { ...ascii, colour: true } })).join('').includes('\u001b[36m'));
});

test('sparkline() and bar() scale from zero', t => {
  t.is(sparkline([0, 7, null, 3.5], true), '▁█ ▅');
  t.is(sparkline([0, 0], false), '__');
  t.is(bar(0.5, 4, true), '██');
  t.is(bar(0.53, 4, true), '██▏');
  t.is(bar(2, 4, false), '####');
  t.is(bar(NaN, 4, false), '');
});

test('plot() of unequal bins on a logarithmic axis: equal factors are equally wide, labels have their own prefix', t => {
  const lines = plot({ x: [1e3, 1e4, 1e5, 1e6], y: [10, 20, 5], width: 0, unequal: true }, options({ logX: true, xLabel: 'delay (ps)', rows: 4 }));
  t.is(lines.join('\n'), `\
Correlation
pairs
20 +            :'''''''''''.
   |............'           :
   |                        :...........
 0 +
   ++-----------+-----------+----------+
    1 ns      10 ns      100 ns     1 us
                 delay, log`);
  const few = plot({ x: [1e3, 2e3, 4e3, 8e3], y: [3, 5, 2], width: 0, unequal: true }, options({ logX: true, xLabel: 'delay (ps)' })).join('\n');
  for (const label of ['1 ns', '2 ns', '5 ns']) t.true(few.includes(label), few);
});

test('plotMap() shows the largest cell under each character, whatever the size', t => {
  for (let seed = 0; seed < 60; seed++) {
    const random = new Random(seed), columns = random.pick([40, 80]), across = random.pick([1, 5, 40, 3000]), up = random.pick([1, 3, 16, 700]);
    const values = new Float64Array(across * up), at = random.integer(0, values.length - 1);
    values[at] = 7;
    const edges = (n: number): number[] => Array.from({ length: n }, (_, k) => 100 * k);
    const terminal = { colour: random.chance(0.5), unicode: random.chance(0.5), columns };
    const lines = plotMap({ x: edges(across), y: edges(up), values }, { ...options({ terminal }), valueLabel: 'starts', log: random.chance(0.3) }), note = `seed ${seed}\n${lines.join('\n')}`;
    t.true(lines.every(line => visible(line) <= columns), note);
    const body = lines.slice(2, -4), shade = terminal.colour ? (terminal.unicode ? '█' : '#') : terminal.unicode ? '█' : '@';
    const rows = body.flatMap((line, row) => (line.slice(line.search(/[|+│┤]/) + 1).includes(shade) ? [body.length - 1 - row] : []));
    const y = Math.floor(at / across), first = Math.floor(y * body.length / up);
    t.deepEqual([...rows].reverse(), Array.from({ length: Math.max(1, Math.floor((y + 1) * body.length / up) - first) }, (_, k) => first + k), note);
  }
});

test('plotMap() as it appears, and without data', t => {
  const map = { x: [0, 100, 200, 300, 400], y: [0, 100, 200], values: [0, 0, 0, 0, 0, 0, 5, 9, 1, 0, 0, 0, 0, 0, 2] };
  const shown = { ...options({ xLabel: 't(stop2) - t(start) (ps)', yLabel: 't(stop1) - t(start) (ps)', terminal: { ...ascii, columns: 30 } }), valueLabel: 'starts' };
  t.is(plotMap(map, shown).join('\n'), `\
Correlation
t(stop1) - t(start) (ps)
  |                     ::::::
  |     +++++@@@@@@.....
0 +
  ++---------+----------+-----
   0        200        400
    t(stop2) - t(start) (ps)
   .:-=+*#%@ 1 to 9 starts a cell`);
  t.regex(plotMap({ x: [0, 1], y: [0, 1], values: [0, 0, 0, 0] }, shown).join('\n'), /no data/);
});
