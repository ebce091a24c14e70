// daemon/demo.ts - the first minute of a new user: a tagger, a broker, and words on how to go on.
import { isTaggerError } from '../core/errors.ts';
import type { TaggerStatus } from '../core/station.ts';
import type { TaggerSource } from '../core/tagger.ts';
import { NodeUsbBus } from '../driver/usb.ts';
import { addressOf, findTaggers, nameOf } from '../driver/usb-discovery.ts';
import { startDemoBroker, type DemoBroker } from './demo-broker.ts';
import type { Log } from './log.ts';
import { version } from '../core/version.ts';

const usualMqttPort = 1883;

/** A USB tagger that a driver knows, else the simulated one; says what was found. */
export async function demoSource(log: Log): Promise<TaggerSource> {
  const found = await findTaggers(new NodeUsbBus());
  const usable = found.find(({ state }) => state === 'ready' || state === 'needs-firmware');
  if (usable) return { kind: 'usb', ...addressOf(usable) };
  for (const each of found) log.notice(`${nameOf(each)} is attached, but the simulated tagger is used. ${each.advice}`);
  return { kind: 'simulated', options: {} };
}

/** On the usual port, or on any if another broker has that one. */
export async function demoBroker(log: Log): Promise<DemoBroker> {
  try {
    return await startDemoBroker(usualMqttPort);
  } catch (error) {
    if (!isTaggerError(error) || error.code !== 'busy') throw error;
    log.info(`port ${usualMqttPort} is taken; the embedded MQTT broker uses another`);
    return startDemoBroker(0);
  }
}

/** What a person reads after `npm start`. */
export function welcome(facts: { status: TaggerStatus; webLink: string; link: string; page: string; brokerUrl: string; topic: string }): string {
  const { info } = facts.status;
  return `
tagd ${version} is running: ${info.model} ${info.serial}, channels ${info.channels.map(({ number }) => number).join(', ')}.

  page        ${facts.page}
  admin link  ${facts.webLink}
              opens the page with all rights, until the daemon ends; 'tagctl share' makes links that last or allow less
  try         TAGD_LINK='${facts.link}' ./bin/tagctl rates --watch
  MQTT        ${facts.brokerUrl}, topics ${facts.topic}/#

Ctrl-C stops it.
`;
}
