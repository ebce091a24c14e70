// test/client/types.test.ts - what the compiler must know of results and arguments; the type check of the project runs it.
import test from 'ava';
import type { CounterData, Measurement, Reading, ResultInfo, Tagger } from '../../app/client/index.ts';

/** True only if both types are the same. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false;
function same<A, B>(_: Same<A, B>): void {}

/** Never called: it has only to compile. */
export async function program(tagger: Tagger): Promise<void> {
  const correlation = await tagger.measure('correlation', { channel1: 1, channel2: 2, binwidthPs: 16, bins: 20000 });
  same<typeof correlation, Measurement<'correlation'>>(true);
  const counts = await correlation.getData();
  same<typeof counts, Float64Array>(true);
  const peak = counts.indexOf(counts.reduce((most, count) => Math.max(most, count), 0));
  const window: ArrayLike<number> = counts.subarray(peak, peak + 1);
  same<(typeof window)[number], number>(true);
  const g2 = await correlation.getDataNormalized({ rates: 'segment' });
  same<typeof g2, Float64Array>(true);
  const reading = await correlation.read('getData');
  same<typeof reading, Reading<Float64Array>>(true);
  await correlation.onUpdate(({ value, info }) => {
    same<typeof value, Float64Array>(true);
    same<typeof info, ResultInfo>(true);
  });
  await correlation.onUpdate(({ value }) => { same<typeof value, Float64Array>(true); }, { getter: 'getIndex', everyMs: 100 });
  const [rate, counter] = await tagger.measureTogether([{ name: 'countrate', config: { channels: [1, 2] } }, { name: 'counter', config: { channels: [1] } }]);
  same<typeof rate, Measurement<'countrate'>>(true);
  const data = await counter.getDataObject({ remove: true });
  same<typeof data, CounterData>(true);
  const differences = await tagger.measure('timeDifferences', { click: 1 });
  const ready = await differences.ready();
  same<typeof ready, boolean>(true);
  // @ts-expect-error channel1 is missing
  await tagger.measure('correlation', { channel2: 2 });
  // @ts-expect-error there is no such argument
  await tagger.measure('correlation', { channel1: 1, binwidth: 16 });
  // @ts-expect-error there is no such measurement
  await tagger.measure('flim', {});
  // @ts-expect-error a countrate has no bins
  await rate.getCentres();
  // @ts-expect-error StartStop has no normalised data
  await (await tagger.measure('startStop', { click: 1 })).getDataNormalized();
  // @ts-expect-error no such choice
  await correlation.getDataNormalized({ rates: 'local' });
}

test('the types of the client compile', t => { t.is(typeof program, 'function'); });
