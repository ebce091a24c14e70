// test/mqtt/outbox.test.ts - bounded whatever happens: checked against a plain model over random histories.
import test from 'ava';
import type { Message } from '../../app/mqtt/messages.ts';
import { eventsKept, Outbox } from '../../app/mqtt/outbox.ts';
import { Random } from '../support/random.ts';

const document = (topic: string, payload: string): Message => ({ topic, payload, retain: true, qos: 1 });
const event = (payload: string): Message => ({ topic: 'event', payload, retain: false, qos: 1 });
const sample = (topic: string, payload: string): Message => ({ topic, payload, retain: false, qos: 0 });
function drain(outbox: Outbox): Message[] {
  const all: Message[] = [];
  for (let next = outbox.next(); next; next = outbox.next()) all.push(next);
  return all;
}

test('the ring of events drops the oldest and counts them', t => {
  const outbox = new Outbox();
  for (let i = 0; i < 250; i++) outbox.event(event(String(i)));
  t.is(outbox.droppedEvents, 150);
  t.deepEqual(drain(outbox).map(message => message.payload), Array.from({ length: eventsKept }, (_, i) => String(i + 150)));
});

test('an unchanged document is not sent twice, a changed one is sent once, with its last value', t => {
  const outbox = new Outbox();
  outbox.keep(document('a', '1'));
  t.is(drain(outbox).length, 1);
  outbox.keep(document('a', '1'));
  t.is(drain(outbox).length, 0);
  for (const payload of ['2', '3', '4']) outbox.keep(document('a', payload));
  t.deepEqual(drain(outbox), [document('a', '4')]);
});

test('documents go before events, events before samples; a restart brings the documents back in their first order', t => {
  const outbox = new Outbox();
  outbox.sample(sample('rates', '1'));
  outbox.event(event('e'));
  for (const topic of ['availability', 'info', 'state']) outbox.keep(document(topic, '1'));
  t.deepEqual(drain(outbox).map(message => message.topic), ['availability', 'info', 'state', 'event', 'rates']);
  outbox.keep(document('state', '2'));
  outbox.sample(sample('rates', '2'));
  outbox.restart();
  t.deepEqual(drain(outbox), [document('availability', '1'), document('info', '1'), document('state', '2')]);
  t.is(outbox.droppedSamples, 1);
});

test('a retired document is removed from a broker that has it, and only forgotten otherwise', t => {
  const outbox = new Outbox();
  outbox.keep(document('sent', '1'));
  drain(outbox);
  outbox.keep(document('unsent', '1'));
  outbox.retire(() => false);
  const removal = document('sent', '');
  t.deepEqual(drain(outbox), [removal]);
  outbox.restart();
  const [again] = drain(outbox);
  t.deepEqual(again, removal, 'until the broker acknowledges it');
  if (again) outbox.delivered(again);
  t.is(outbox.remembered, 0);
});

test('unacknowledged events go back in front; documents and samples do not', t => {
  const outbox = new Outbox();
  for (const payload of ['1', '2', '3']) outbox.event(event(payload));
  const lost = [outbox.next(), outbox.next()].filter(message => message !== undefined);
  outbox.undelivered([document('a', '1'), ...lost, sample('rates', '1')]);
  t.deepEqual(drain(outbox).map(message => message.payload), ['1', '2', '3']);
});

test('whatever happens, what waits is bounded and the last value of every document gets out', t => {
  for (let seed = 1; seed <= 200; seed++) {
    const random = new Random(seed);
    const outbox = new Outbox();
    const broker = new Map<string, string>();
    const wanted = new Map<string, string>();
    const deliver = (message: Message) => {
      if (message.retain && message.payload === '') broker.delete(message.topic);
      else if (message.retain) broker.set(message.topic, message.payload);
      outbox.delivered(message);
    };
    for (let step = 0; step < 300; step++) {
      const topic = `d${random.integer(0, 9)}`;
      switch (random.integer(0, 6)) {
        case 0: case 1: { const payload = String(step); wanted.set(topic, payload); outbox.keep(document(topic, payload)); break; }
        case 2: wanted.delete(topic); outbox.retire(other => wanted.has(other)); break;
        case 3: for (let i = 0; i < 70; i++) outbox.event(event(`${step}.${i}`)); break;
        case 4: outbox.sample(sample(topic, String(step))); break;
        case 5: { const next = outbox.next(); if (next) deliver(next); break; }
        default: { // The connection breaks with one message on its way; the broker may have had it, or lost everything.
          const next = outbox.next();
          if (next) outbox.undelivered([next]);
          if (random.chance(0.5)) broker.clear();
          outbox.restart();
        }
      }
      t.true(outbox.queued <= eventsKept + 20 && outbox.remembered <= 10, `seed ${seed}, step ${step}: ${outbox.queued} wait`);
    }
    outbox.restart();
    for (const message of drain(outbox)) deliver(message);
    t.deepEqual(new Map([...broker].toSorted()), new Map([...wanted].toSorted()), `seed ${seed}`);
  }
});
