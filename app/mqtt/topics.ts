// mqtt/topics.ts - where everything is published. Names only; contents are made in messages.ts.
//
//   tagd/<station id>/availability        online | offline, the last will of the connection
//                    /info                what this box is and which taggers it has
//                    /health              how the box is doing
//                    /event               things that happen at a moment
//                    /usb_availability    online | offline: the tagger can be used
//                    /state               its state, loss and settings
//                    /ch/<n>/state        one channel
//                    /rates               count rates
//
// The last four belong to the first tagger of the station, because nearly every station has one. A further tagger has
// the same four under `tagd/<station id>/tagger/<tagger id>/`, so the first one keeps its topics when others come and go.
// `info` names the topic of each tagger, and every document of a tagger carries its id.
import { TaggerError } from '../core/errors.ts';

export interface StationTopics {
  availability: string;
  info: string;
  health: string;
  event: string;
}

export interface TaggerTopics {
  /** What the others start with, without a slash at the end. */
  root: string;
  usbAvailability: string;
  state: string;
  rates: string;
  channel(number: number): string;
}

/** @throws {TaggerError} `usage` if the id could not be one level of a topic */
export function stationTopics(baseTopic: string, stationId: string): StationTopics {
  const root = stationRoot(baseTopic, stationId);
  return { availability: `${root}/availability`, info: `${root}/info`, health: `${root}/health`, event: `${root}/event` };
}

/** @param index position of the tagger in the station, 0 is the first */
export function taggerTopics(baseTopic: string, stationId: string, taggerId: string, index: number): TaggerTopics {
  const station = stationRoot(baseTopic, stationId);
  const root = index === 0 ? station : `${station}/tagger/${topicLevel(taggerId)}`;
  return {
    root,
    usbAvailability: `${root}/usb_availability`,
    state: `${root}/state`,
    rates: `${root}/rates`,
    channel: number => `${root}/ch/${number}/state`,
  };
}

function stationRoot(baseTopic: string, stationId: string): string {
  if (!/^[a-z0-9-]+$/.test(stationId)) {
    throw new TaggerError('usage', `Cannot make MQTT topics for a station with the id '${stationId}': only a-z, 0-9 and - are allowed.`);
  }
  return `${baseTopic}/${stationId}`;
}

/** A tagger id may hold a serial number as the vendor printed it; a level of a topic holds [a-z0-9-] alone. */
function topicLevel(id: string): string {
  return id.toLowerCase().replace(/[^a-z0-9-]+/g, '-') || '-';
}
