// core/specs/photons.ts - what laboratories of single photons compute from their tags: coincidences and pulsed g2.
import type { CheckedConfig, MeasurementSpec } from '../spec.ts';

const accidentals = {
  accidentals: { kind: 'choice', choices: ['formula', 'shifted'], default: 'formula', help: 'Accidentals by the formula, or as measured with shifted channels.' },
} as const;
const channelHz = { type: 'numbers', shape: '[channels]', unit: 'Hz' } as const;
const groupHz = { type: 'numbers', shape: '[groups]', unit: 'Hz' } as const;
const groupRatio = { type: 'numbers', shape: '[groups]', unit: '' } as const;
const memberRatio = { type: 'numbers', shape: '[members]', unit: '' } as const;

const figure = { type: 'scalar' } as const;

/** Bins on either side of the zero delay. */
function halfBinsOf(config: CheckedConfig): number { return Math.ceil(Number(config['rangePs']) / Number(config['binwidthPs'])); }

export const photons = {
  coincidenceRates: {
    className: 'CoincidenceRates',
    summary: 'Singles, coincidences, accidentals, CAR, Klyshko efficiencies and heralded g2 of groups of channels.',
    parameters: {
      groups: { kind: 'groups', min: 1, max: 64, least: 2, most: 8, help: 'Groups of channels; of three, the first is the herald.' },
      windowPs: { kind: 'duration', min: 0, max: 1e9, default: 1000, help: 'Largest distance between the tags of a coincidence, inclusive.' },
      shiftPs: { kind: 'duration', min: 0, max: 1e9, default: 0, help: 'Channel k of all is shifted by k of these; 0 = 10 windows. Pulsed: the period.' },
    },
    getters: {
      getData: { ...groupHz, help: 'Coincidences / live time; one tag per channel, none used twice.' },
      getDataError: { ...groupHz, help: 'sqrt(coincidences) / live time.' },
      getDataNormalized: { ...groupHz, help: 'The same as getData.' },
      getIndex: { type: 'numbers', shape: '[groups]', help: 'Number of each group, from 0.' },
      getCoincidences: { type: 'counts', shape: '[groups]', unit: 'coincidences', help: 'Coincidences counted.' },
      getChannels: { type: 'integers', shape: '[channels]', help: 'All channels, in the order of the groups.' },
      getSingles: { type: 'counts', shape: '[channels]', unit: 'tags', help: 'Received tags.' },
      getSinglesRate: { ...channelHz, help: 'Received tags / live time.' },
      getSinglesRateError: { ...channelHz, help: 'sqrt(tags) / live time.' },
      getAccidentals: { ...groupHz, help: 'n * W^(n-1) * the product of the rates; 2 * W * r1 * r2 for two channels.' },
      getAccidentalsError: { ...groupHz, help: 'From sqrt(tags) of each channel.' },
      getAccidentalsShifted: { ...groupHz, help: 'Coincidences with shifted channels / the time in which all of them were seen.' },
      getAccidentalsShiftedError: { ...groupHz, help: 'From the square root of those coincidences.' },
      getNet: { ...groupHz, help: 'Coincidences less accidentals.', args: accidentals },
      getNetError: { ...groupHz, help: 'Of getNet.', args: accidentals },
      getCAR: { ...groupRatio, help: 'Coincidences / accidentals; NaN without accidentals.', args: accidentals },
      getCARError: { ...groupRatio, help: 'Of getCAR.', args: accidentals },
      getMemberGroup: { type: 'integers', shape: '[members]', help: 'Group of each member.' },
      getMemberChannel: { type: 'integers', shape: '[members]', help: 'Channel of each member.' },
      getEfficiency: { ...memberRatio, help: 'Klyshko: net coincidences / singles of the other channel; NaN but for pairs.', args: accidentals },
      getEfficiencyError: { ...memberRatio, help: 'Of getEfficiency.', args: accidentals },
      getHeralds: {
        type: 'numbers', shape: '[groups, 4]', unit: 'tags',
        help: 'N1, N12, N13, N123: heralds, and those with a second, a third, both within the window; NaN but for groups of three.',
      },
      getHeraldedG2: { ...groupRatio, help: 'N123 * N1 / (N12 * N13), herald first; NaN but for groups of three.' },
      getHeraldedG2Error: { ...groupRatio, help: 'Of getHeraldedG2; where N123 is 0, that of one.' },
    },
    outputs: {
      channels: 'getChannels', singles: 'getSingles', singlesRateHz: 'getSinglesRate', singlesRateErrorHz: 'getSinglesRateError',
      group: 'getIndex', coincidences: 'getCoincidences', rateHz: 'getData', rateErrorHz: 'getDataError',
      accidentalsHz: 'getAccidentals', accidentalsErrorHz: 'getAccidentalsError', shiftedHz: 'getAccidentalsShifted', shiftedErrorHz: 'getAccidentalsShiftedError',
      netHz: 'getNet', netErrorHz: 'getNetError', car: 'getCAR', carError: 'getCARError', heraldedG2: 'getHeraldedG2', heraldedG2Error: 'getHeraldedG2Error',
      memberGroup: 'getMemberGroup', memberChannel: 'getMemberChannel', efficiency: 'getEfficiency', efficiencyError: 'getEfficiencyError',
    },
    plot: { getter: 'getData', x: 'group', y: 'coincidences (Hz)', index: 'group', kind: 'none' },
    example: '--groups 1+2,1+3,1+2+3 --window 1ns',
    loss: 'No coincidence, shifted or not, spans it; heralds count only where their whole window was seen. Live time leaves it out.',
    check: config => {
      const shiftPs = Number(config['shiftPs']), windowPs = Number(config['windowPs']);
      if (shiftPs === 0 && windowPs === 0) return 'a window of 0 gives no shift: name shiftPs';
      return shiftPs === 0 || shiftPs > 2 * windowPs ? undefined : `a shift of ${shiftPs} ps is not longer than two windows`;
    },
  },
  pulsedG2: {
    className: 'PulsedG2',
    summary: 'g2(0) of a pulsed source: the central peak against the side peaks and against Poisson.',
    parameters: {
      channel1: { kind: 'channel', help: 'Channel whose time counts positive: d = t(channel 1) - t(channel 2).' },
      channel2: { kind: 'channel', help: 'The other detector.' },
      sync: { kind: 'channel', optional: true, help: 'Channel of the laser, of every pulse.' },
      periodPs: { kind: 'number', min: 0, max: 1e12, unit: 'ps', default: 0, help: 'Of the pulses; 0 = that of sync, or fitted.' },
      gatePs: { kind: 'duration', min: 0, max: 1e12, default: 0, help: 'Width of a peak that counts, around its centre; 0 = the whole period.' },
      sidePeaks: { kind: 'integer', min: 0, max: 100_000, default: 0, help: 'Side peaks on either side; 0 = all in range.' },
      zeroPs: { kind: 'duration', min: -1e12, max: 1e12, default: 0, help: 'd of simultaneous photons: the peak nearest to it is the central one.' },
      rangePs: { kind: 'duration', min: 1, max: 1e12, default: 200_000, help: 'Delays on either side of zero.' },
      binwidthPs: { kind: 'duration', min: 1, max: 1e9, default: 16, help: 'Bins of the histogram; gates are made of whole ones.' },
    },
    getters: {
      getData: { type: 'counts', shape: '[bins]', unit: 'pairs', help: 'Histogram of d over the range.' },
      getIndex: { type: 'numbers', shape: '[bins]', unit: 'ps', help: 'Left edges of the bins.' },
      getPeakIndex: { type: 'integers', shape: '[peaks]', help: 'Number of each peak; 0 is the central one.' },
      getPeakDelays: { type: 'numbers', shape: '[peaks]', unit: 'ps', help: 'Centre of each peak.' },
      getPeakCounts: { type: 'counts', shape: '[peaks]', unit: 'pairs', help: 'Pairs in the gate of each peak.' },
      getPeriod: { ...figure, unit: 'ps', help: 'Distance of the pulses; NaN if none was found.' },
      getPeriodError: { ...figure, unit: 'ps', help: 'Of a fitted one; 0 where it was given or measured at sync.' },
      getCentre: { ...figure, unit: 'ps', help: 'Centre of the central peak.' },
      getCentralCounts: { ...figure, unit: 'pairs', help: 'Pairs in the central peak.' },
      getSideMean: { ...figure, unit: 'pairs', help: 'Mean pairs of a side peak.' },
      getSideMeanError: { ...figure, unit: 'pairs', help: 'From the square root of all, or the scatter, if that is more.' },
      getSideDeviation: { ...figure, unit: 'pairs', help: 'Scatter of the side peaks.' },
      getPoissonCounts: { ...figure, unit: 'pairs', help: 'Pairs that a Poisson source of the same rates gives per peak: N1 * N2 * P / T.' },
      getPoissonCountsError: { ...figure, unit: 'pairs', help: 'From sqrt(N1) and sqrt(N2).' },
      getBackground: { ...figure, unit: 'pairs', help: 'Pairs between the gates, scaled to one gate; NaN where gates leave no room.' },
      getBackgroundError: { ...figure, unit: 'pairs', help: 'Of getBackground.' },
      getG2: { ...figure, unit: '', help: 'g2(0): central peak / mean side peak.' },
      getG2Error: { ...figure, unit: '', help: 'Of getG2; an empty central peak counts as one for its error.' },
      getG2Poisson: { ...figure, unit: '', help: 'g2(0): central peak / Poisson.' },
      getG2PoissonError: { ...figure, unit: '', help: 'Of getG2Poisson.' },
      getG2Corrected: { ...figure, unit: '', help: 'As getG2, less background in both.' },
      getG2CorrectedError: { ...figure, unit: '', help: 'Of getG2Corrected.' },
    },
    outputs: {
      g2: 'getG2', g2Error: 'getG2Error', g2Poisson: 'getG2Poisson', g2PoissonError: 'getG2PoissonError', g2Corrected: 'getG2Corrected',
      g2CorrectedError: 'getG2CorrectedError', periodPs: 'getPeriod', periodErrorPs: 'getPeriodError', centrePs: 'getCentre', central: 'getCentralCounts',
      side: 'getSideMean', sideError: 'getSideMeanError', sideDeviation: 'getSideDeviation', poisson: 'getPoissonCounts', poissonError: 'getPoissonCountsError',
      background: 'getBackground', backgroundError: 'getBackgroundError', peak: 'getPeakIndex', peakPs: 'getPeakDelays', peakCounts: 'getPeakCounts',
      indexPs: 'getIndex', counts: 'getData',
    },
    plot: { getter: 'getData', x: 't(ch1) - t(ch2) (ps)', y: 'pairs' },
    example: '--channel1 1 --channel2 2 --gate 2ns',
    loss: 'Open starts are forgotten; no pair spans it, and no period is taken from sync tags on both sides. Live time leaves it out.',
    bins: config => 2 * halfBinsOf(config),
    check: config => {
      if (config['channel1'] === config['channel2']) return 'channel1 and channel2 are the same';
      const [zeroPs, rangePs, gatePs, periodPs] = ['zeroPs', 'rangePs', 'gatePs', 'periodPs'].map(key => Number(config[key])) as [number, number, number, number];
      if (Math.abs(zeroPs) > rangePs) return `zeroPs lies ${Math.abs(zeroPs)} ps off, further than rangePs, ${rangePs} ps`;
      if (periodPs > 0 && gatePs > periodPs) return `a gate of ${gatePs} ps is longer than the period of ${periodPs} ps`;
      return periodPs > rangePs ? `no side peak lies within ${rangePs} ps: the period is ${periodPs} ps` : undefined;
    },
  },
} as const satisfies Record<string, MeasurementSpec>;
