// test/driver/simulated-conformance.test.ts - the simulated tagger keeps what every driver must keep, faults included.
import test from 'ava';
import type { SimulatedOptions } from '../../app/core/tagger.ts';
import { openTagger } from '../../app/driver/open.ts';
import { conformance } from './conformance.ts';

const change = { channels: { 1: { deadTimePs: 50_000, triggerLevelV: 0.25 }, 2: { testSignal: true, inputDelayPs: -1500 } } };
const open = (options: SimulatedOptions) => openTagger({ kind: 'simulated', options });

conformance(test, { name: 'simulated', change, open: () => open({ pace: 'unpaced', durationPs: 1e10 + 12_345 }), openEndless: () => open({ pace: 'unpaced' }) });

conformance(test, { name: 'simulated, live', change, open: () => open({ durationPs: 2e10 }), openEndless: () => open({}) });

const faults: SimulatedOptions['faults'] = {
  losses: [{ everyPs: 3e9, lengthPs: 5e8, grade: 'counted' }, { everyPs: 7e9, lengthPs: 1e9, grade: 'flagged' }, { everyPs: 9e9, lengthPs: 1e6, grade: 'suspect' }],
  epochEveryPs: 4e9,
};
conformance(test, {
  name: 'simulated with faults', change, open: () => open({ pace: 'unpaced', durationPs: 3e10, faults, startPs: String(2n ** 53n - 10n ** 10n) }),
  openEndless: () => open({ pace: 'unpaced', faults }),
});
