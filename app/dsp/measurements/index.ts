// dsp/measurements/index.ts - every measurement class by its name in the table.
import type { MeasurementClasses } from '../measurement.ts';
import { coincidenceRates } from './coincidence-rates.ts';
import { countBetweenMarkers } from './count-between-markers.ts';
import { counter } from './counter.ts';
import { countrate } from './countrate.ts';
import { correlation, histogram } from './histogram.ts';
import { pulsedG2 } from './pulsed-g2.ts';
import { sampler } from './sampler.ts';
import { startStop } from './start-stop.ts';
import { timeDifferences } from './time-differences.ts';
import { timeDifferencesND } from './time-differences-nd.ts';
import { timeTagStream } from './time-tag-stream.ts';
import { userKernel } from './user-kernel.ts';

export const measurementClasses: MeasurementClasses = {
  countrate, counter, countBetweenMarkers, histogram, correlation, timeDifferences, timeDifferencesND, startStop, userKernel,
  coincidenceRates, pulsedG2, timeTagStream, sampler,
};
