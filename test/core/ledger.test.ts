// test/core/ledger.test.ts - zero is a claim, and the ledger makes it only where somebody counted.
import test from 'ava';
import { Ledger } from '../../app/core/ledger.ts';
import { fromNote, isTaggerError, TaggerError, toNote } from '../../app/core/errors.ts';

test('Ledger adds counted losses per channel and place, and remembers that others were not counted', t => {
  const ledger = new Ledger(2);
  ledger.delivered(0, 10);
  ledger.filtered(0, 4);
  ledger.lost({ grade: 'counted', place: 'device', fromPs: 0n, toPs: 100n, missed: [{ channelIndex: 0, count: 3 }] });
  ledger.lost({ grade: 'flagged', place: 'host', fromPs: 200n, toPs: 250n });
  const { channels, intervals, lostPs, grade } = ledger.snapshot();
  t.deepEqual(channels[0], { delivered: 10, filtered: 4, lost: { device: 3, usb: 0, host: 0 }, unknown: { device: 0, usb: 0, host: 1 } });
  t.deepEqual([intervals, lostPs, grade], [2, 150, 'flagged']);
});

test('toNote() lets an operating error through and hides a bug', t => {
  const note = toNote(new TaggerError('busy', 'Cannot open the tagger.', { hint: 'Close the other program.' }));
  t.deepEqual(note, { code: 'busy', message: 'Cannot open the tagger.', hint: 'Close the other program.' });
  t.true(isTaggerError(fromNote(note)));
  t.false(toNote(new Error('secret path /etc/shadow')).message.includes('shadow'));
});
