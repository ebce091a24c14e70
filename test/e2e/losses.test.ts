// test/e2e/losses.test.ts - a source that loses 30 % of its time, with every tag counted: rate and total are both true.
import test from 'ava';
import { connect } from '../../app/client/index.ts';
import { startDaemon } from '../support/daemon.ts';

test('Poisson 1 Mcps with 30 % of the time in counted overflow: rate and total are within 5 sigma of the truth', async t => {
  const rateHz = 1e6;
  const seconds = 10;
  const source = JSON.stringify({
    seed: 20261122, channels: 2, pace: 'unpaced', durationPs: seconds * 1e12,
    signals: [{ kind: 'poisson', channel: 1, rateHz }, { kind: 'poisson', channel: 2, rateHz: 1000 }],
    faults: { losses: [{ everyPs: 1e10, lengthPs: 3e9, grade: 'counted' }] },
  });
  await using daemon = await startDaemon(['--tagger', `simulated:${source}`]);
  await using session = await connect(daemon.link);
  const tagger = await session.tagger();
  const [rate, counter] = await tagger.measureTogether([
    { name: 'countrate', config: { channels: [1, 2] } },
    { name: 'counter', config: { channels: [1], binwidthPs: 5e8, values: 1000 } },
  ]);
  t.true(await rate.waitUntilFinished(60_000));
  const { value: rates, info } = await rate.read('getData');
  const totals = await rate.getCountsTotal();

  t.is(info.lossGrade, 'counted');
  t.true(Math.abs(info.lostIntervals - seconds * 100) <= 1, `${info.lostIntervals} lost intervals`);
  t.true(Math.abs(info.liveTimePs - 0.7 * seconds * 1e12) <= 0.01 * seconds * 1e12, `live ${info.liveTimePs}`);
  const live = info.liveTimePs * 1e-12;
  const sigmaRate = Math.sqrt(rateHz * live) / live;
  t.true(Math.abs((rates[0] as number) - rateHz) < 5 * sigmaRate, `rate ${rates[0]}`);
  const truth = rateHz * seconds;
  t.true(Math.abs((totals[0] as number) - truth) < 5 * Math.sqrt(truth), `total ${totals[0]}`);
  const missed = info.missedTags[0];
  t.true(missed !== null && missed !== undefined && Math.abs(missed - 0.3 * truth) < 0.02 * truth, `missed ${missed}`);

  // The counter's bins of 0.5 ms: those that touch a lost interval are not numbers, the others have the true rate.
  const normalised = [...await counter.getDataNormalized()];
  const known = normalised.filter(value => !Number.isNaN(value));
  t.true(known.length > 600 && known.length < 750, `${known.length} of 1000 bins are known`);
  const mean = known.reduce((sum, value) => sum + value, 0) / known.length;
  t.true(Math.abs(mean - rateHz) < 5 * Math.sqrt(rateHz / (known.length * 5e-4)), `mean of the known bins ${mean}`);
});
