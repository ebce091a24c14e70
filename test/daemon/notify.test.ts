// test/daemon/notify.test.ts - without systemd nothing is sent; with it, the watchdog's period is a third of its limit.
import test from 'ava';
import { supervisor } from '../../app/daemon/notify.ts';

test('supervisor() is silent when nobody listens', t => {
  const quiet = supervisor({});
  quiet.ready('listening');
  quiet.alive();
  t.is(quiet.periodMs, undefined);
});

test('supervisor() asks to be fed three times within the limit', t => {
  t.is(supervisor({ NOTIFY_SOCKET: '/nowhere', WATCHDOG_USEC: '9000000' }).periodMs, 3000);
  t.is(supervisor({ NOTIFY_SOCKET: '/nowhere', WATCHDOG_USEC: 'soon' }).periodMs, undefined);
});
