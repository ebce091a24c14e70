// core/specs/photons.ts - what laboratories of single photons compute from their tags: coincidences and pulsed g2.
import type { MeasurementSpec } from '../spec.ts';

const accidentals = {
  accidentals: { kind: 'choice', choices: ['formula', 'shifted'], default: 'formula', help: 'Accidentals by the formula, or as measured with shifted channels.' },
} as const;
const channelHz = { type: 'numbers', shape: '[channels]', unit: 'Hz' } as const;
const groupHz = { type: 'numbers', shape: '[groups]', unit: 'Hz' } as const;
const groupRatio = { type: 'numbers', shape: '[groups]', unit: '' } as const;
const memberRatio = { type: 'numbers', shape: '[members]', unit: '' } as const;

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
      channels: 'getChannels', singles: 'getSingles', singlesRateHz: 'getSinglesRate', singlesErrorHz: 'getSinglesRateError',
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
} as const satisfies Record<string, MeasurementSpec>;
