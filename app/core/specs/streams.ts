// core/specs/streams.ts - measurements that hand out tags or samples one by one, each exactly once.
import { limits } from '../limits.ts';
import type { MeasurementSpec } from '../spec.ts';

/** More points than this are no picture, and 128 MB. */
const mostPoints = 4_000_000;

export const streams = {
  timeTagStream: {
    className: 'TimeTagStream',
    summary: 'The tags of some channels one by one; each is handed out once.',
    parameters: {
      channels: { kind: 'channels', min: 1, max: 64, help: 'Channels whose tags are handed out.' },
      maxTags: { kind: 'integer', min: 1, max: 4_000_000, default: 1_000_000, help: 'Entries that wait to be taken; what comes beyond is dropped and counted.' },
    },
    getters: {
      getTimestamps: { type: 'times', shape: '[entries]', unit: 'ps', help: 'Times of what waits, in stream time; looking takes nothing.' },
      getChannels: { type: 'integers', shape: '[entries]', help: 'Channel of each entry; 0 where it is of none.' },
      getEventTypes: { type: 'integers', shape: '[entries]', help: '0 tag, 1 break of the time base, 2 loss begins, 3 loss ends, 4 missed tags.' },
      getMissedEvents: { type: 'numbers', shape: '[entries]', unit: 'tags', help: 'Missed tags of an entry of type 4; of channel 0: dropped, nobody took them in time.' },
      getOverflows: { type: 'scalar', unit: 'intervals', help: 'Lost intervals that began among what waits.' },
      getDropped: { type: 'scalar', unit: 'tags', help: 'Entries dropped since the start because too many waited.' },
      getData: { type: 'object', of: 'TagBuffer', takes: true, help: 'Everything that waits, handed over: the next call begins behind it.' },
    },
    outputs: {
      timePs: 'getTimestamps', channel: 'getChannels', type: 'getEventTypes', missed: 'getMissedEvents', overflows: 'getOverflows', dropped: 'getDropped',
    },
    plot: { getter: 'getChannels', x: 'time (ps)', y: 'channel', index: 'timePs', kind: 'none' },
    example: '--channels 1,2 --max-tags 1000 --csv FILE',
    loss: 'It is in the list where it was: begin, the missed tags of each channel where they were counted, end. An epoch is an entry of type 1.',
  },
  sampler: {
    className: 'Sampler',
    summary: 'Levels of channels at each tag of a trigger; each sample is handed out once.',
    parameters: {
      trigger: { kind: 'channel', help: 'Each of its tags takes a sample.' },
      channels: { kind: 'channels', min: 1, max: 63, help: 'Channels to sample: a tag says that the level is high.' },
      falling: { kind: 'channels', min: 1, max: 63, unused: true, optional: true, help: 'Per channel, the one whose tags say that it is low; 0 = none.' },
      maxTriggers: { kind: 'integer', min: 1, max: 2_000_000, default: 1_000_000, help: 'Samples that wait to be taken; further ones are dropped and counted.' },
    },
    getters: {
      getTimestamps: { type: 'times', shape: '[samples]', unit: 'ps', help: 'Times of the samples that wait; looking takes nothing.' },
      getLevels: { type: 'flags', shape: '[samples, channels]', help: '0 low, 1 high, 2 unknown: no tag yet, or none since a loss.' },
      getDropped: { type: 'scalar', unit: 'samples', help: 'Samples dropped since the start because too many waited.' },
      getData: { type: 'times', shape: '[samples, columns]', takes: true, help: 'What waits, handed over: time, then the level of each channel.' },
      getDataAsMask: { type: 'times', shape: '[samples, 2]', takes: true, help: 'The same as time and a bit per channel that is high; bit 63: any is unknown.' },
    },
    outputs: { timePs: 'getTimestamps', levels: 'getLevels', dropped: 'getDropped' },
    plot: { getter: 'getLevels', x: 'time (ps)', y: 'level', index: 'timePs', kind: 'none' },
    example: '--trigger 3 --channels 1 --falling -1',
    loss: 'Every level is unknown behind it, until the next tag of its channel; triggers among the lost are not sampled.',
    check: config => {
      const falling = config['falling'] as readonly number[] | undefined, channels = config['channels'] as readonly number[];
      if (falling && falling.length !== channels.length) return `falling lists ${falling.length} channels for ${channels.length}`;
      const twice = falling?.find(channel => channel !== 0 && channels.includes(channel));
      return twice === undefined ? undefined : `channel ${twice} cannot say both high and low`;
    },
  },
  scope: {
    className: 'Scope',
    summary: 'Edges of some channels in a window behind each trigger, as a logic analyzer shows them.',
    parameters: {
      channels: { kind: 'channels', min: 1, max: 63, help: 'Edges to record: n makes its input high, -n makes it low.' },
      trigger: { kind: 'channel', help: 'Opens a window where none is open.' },
      windowPs: { kind: 'duration', min: 1, max: limits.windowPs, default: 1_000_000_000, help: 'Length of a trace, half-open: [trigger, trigger + window).' },
      traces: { kind: 'integer', min: 0, max: 10_000, default: 1, help: 'Traces to record; 0 = for ever, the latest one is kept.' },
      maxPoints: { kind: 'integer', min: 1, max: 1_000_000, default: 1000, help: 'Edges in one trace; what comes beyond is dropped and counted.' },
    },
    getters: {
      getData: { type: 'object', of: 'ScopeData', help: 'All traces that are over; looking takes nothing.' },
      getChannels: { type: 'integers', shape: '[points]', help: 'Channel of each edge, trace after trace.' },
      getTraces: { type: 'integers', shape: '[points]', help: 'Number of its trace, from 0.' },
      getTimes: { type: 'numbers', shape: '[points]', unit: 'ps', help: 'Time since the trigger.' },
      getStates: { type: 'flags', shape: '[points]', help: '1 high from here on, 0 low.' },
      getTriggerTimes: { type: 'times', shape: '[traces]', unit: 'ps', help: 'Time of each trigger, in stream time.' },
      getLengths: { type: 'numbers', shape: '[traces]', unit: 'ps', help: 'How much of the window was seen.' },
      getCut: { type: 'flags', shape: '[traces]', help: '1 where a loss, an epoch or a stop ended a trace early.' },
      getLevels: { type: 'flags', shape: '[traces, channels]', help: 'Level before the trigger: 0 low, 1 high, 2 unknown: no edge yet, or none since a loss.' },
      getDropped: { type: 'scalar', unit: 'edges', help: 'Edges beyond maxPoints in these traces.' },
      ready: { type: 'boolean', help: 'True once all traces are over; with traces 0 once one is.' },
      triggered: { type: 'scalar', unit: 'triggers', help: 'Windows opened since the start.' },
      getWindowSize: { type: 'scalar', unit: 'ps', help: 'Length of a trace.' },
    },
    outputs: {
      trace: 'getTraces', timePs: 'getTimes', channel: 'getChannels', state: 'getStates', triggered: 'triggered', ready: 'ready', dropped: 'getDropped',
    },
    plot: { getter: 'getStates', x: 'time since the trigger (ps)', y: 'state', index: 'timePs', kind: 'none' },
    example: '--channels 1,-1 --trigger 2 --window 1us',
    loss: 'The open trace ends there and is marked as cut; it counts as one of the traces. Levels are unknown until the next edge of each input.',
    check: config => {
      const traces = Math.max(1, config['traces'] as number), points = config['maxPoints'] as number;
      return traces * points > mostPoints ? `${traces} traces of ${points} points are more than ${mostPoints} points` : undefined;
    },
  },
} as const satisfies Record<string, MeasurementSpec>;
