// test/core/units.test.ts - quantities as people write them.
import test from 'ava';
import { formatPs, formatSi, parseQuantity } from '../../app/core/units.ts';

const times: [string, number][] = [
  ['16ps', 16], ['0.1ns', 100], ['2h', 7200e12], ['1.5 us', 1.5e6], ['-500ps', -500], ['3.3ns', 3300], ['1e3ps', 1000], ['0.3us', 300_000], ['10s', 10e12], ['4µs', 4e6],
];
for (const [text, ps] of times) test(`parseQuantity() reads ${text} as ${ps} ps`, t => { t.is(parseQuantity(text, 'time'), ps); });

test('parseQuantity() reads voltages and rates in V and Hz', t => {
  t.is(parseQuantity('500mV', 'voltage'), 0.5);
  t.is(parseQuantity('-0.07V', 'voltage'), -0.07);
  t.is(parseQuantity('10kHz', 'rate'), 10_000);
  t.is(parseQuantity('1.5Mcps', 'rate'), 1.5e6);
});

for (const text of ['16', '', 'ps', '16 parsecs', '1.5ps', '0.0001ns', '1,5ns', '16ps ps', '0x10ps', 'NaNps', '16constructor']) {
  test(`parseQuantity() refuses '${text}' and says how to write a time`, t => {
    const error = t.throws(() => parseQuantity(text, 'time'), { name: 'TaggerError' });
    t.is((error as { code?: string } | undefined)?.code, 'usage');
    t.true(error?.message.includes(`'${text}'`));
  });
}

test('formatSi() picks the prefix a person expects', t => {
  t.is(formatSi(1_234_567, 'Hz'), '1.235 MHz');
  t.is(formatSi(0, 'Hz'), '0 Hz');
  t.is(formatSi(0.0005, 'V'), '500 uV');
  t.is(formatSi(Number.NaN, 'Hz'), '- Hz');
  t.is(formatPs(16), '16 ps');
  t.is(formatPs(2_500_000), '2.5 us');
  t.is(formatPs(7200e12), '2 h');
});
