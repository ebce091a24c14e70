// dsp/measurements/index.ts - every measurement class by its name in the table.
import type { MeasurementClasses } from '../measurement.ts';
import { coincidenceRates } from './coincidence-rates.ts';
import { countBetweenMarkers } from './count-between-markers.ts';
import { counter } from './counter.ts';
import { countrate } from './countrate.ts';
import { flim } from './flim.ts';
import { frequencyCounter } from './frequency-counter.ts';
import { frequencyStability } from './frequency-stability.ts';
import { correlation, histogram } from './histogram.ts';
import { phaseNoise } from './phase-noise.ts';
import { pulsePerSecondMonitor } from './pulse-per-second-monitor.ts';
import { pulsedG2 } from './pulsed-g2.ts';
import { histogram2D, histogramND } from './first-stops.ts';
import { histogramLogBins } from './histogram-log-bins.ts';
import { sampler } from './sampler.ts';
import { scope } from './scope.ts';
import { startStop } from './start-stop.ts';
import { timeDifferences } from './time-differences.ts';
import { timeDifferencesND } from './time-differences-nd.ts';
import { timeTagStream } from './time-tag-stream.ts';
import { userKernel } from './user-kernel.ts';

export const measurementClasses: MeasurementClasses = {
  histogramLogBins, histogram2D, histogramND,
  countrate, counter, countBetweenMarkers, histogram, correlation, timeDifferences, timeDifferencesND, startStop, userKernel,
  frequencyStability, frequencyCounter, pulsePerSecondMonitor, phaseNoise,
  coincidenceRates, pulsedG2, timeTagStream, sampler, scope, flim,
};
