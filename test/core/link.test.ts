// test/core/link.test.ts - a link in every spelling, right and wrong; no message repeats a secret.
import test from 'ava';
import { TaggerError } from '../../app/core/errors.ts';
import { defaultPort, formatLink, formatWebLink, parseAddress, parseLink } from '../../app/core/link.ts';

const secret = 'Zx9'.repeat(14) + '_';
const fingerprint = 'f'.repeat(43);

test('parseLink() reads both spellings', t => {
  t.deepEqual(parseLink(`tagd://127.0.0.1:7433/#${secret}`), { host: '127.0.0.1', port: 7433, secret, plain: true });
  t.deepEqual(parseLink(`http://localhost:80/#${secret}`), { host: 'localhost', port: 80, secret, plain: true });
  t.deepEqual(parseLink(`https://lab.example/#${secret}.${fingerprint}`), { host: 'lab.example', port: 443, secret, fingerprint, plain: false });
  t.deepEqual(parseLink(`tagd://tagd-01234567.local#${secret}`), { host: 'tagd-01234567.local', port: defaultPort, secret, plain: false });
  t.deepEqual(parseLink(` TAGD://[::1]:99/#${secret}\n`), { host: '::1', port: 99, secret, plain: true });
  t.false(parseLink(`tagd://127.0.0.1:1/#${secret}.${fingerprint}`).plain, 'a fingerprint means TLS, on loopback too');
});

test('formatLink() and formatWebLink() are read back as they were', t => {
  for (const host of ['127.0.0.1', '::1', 'lab.example', '192.168.1.7', 'localhost']) {
    for (const extra of [{}, { fingerprint }]) {
      const link = { host, port: 8443, secret, ...extra };
      for (const text of [formatLink(link), formatWebLink(link)]) t.like(parseLink(text), link, text);
    }
  }
});

test('parseLink() refuses with what is wrong, and never shows the secret', t => {
  const wrong: [string, RegExp][] = [
    ['', /empty/], ['hello', /not an address/], [`tagd://:7/#${secret}`, /not HOST:PORT/], [`ftp://a/#${secret}`, /begins with ftp/], ['tagd://a:7/', /missing/], ['tagd://a:7/#', /missing/],
    ['tagd://a:7/#short', /cut off/], [`tagd://a:7/#${secret}!`, /cut off/], [`tagd://a:7/#${secret}.x`, /fingerprint/], [`tagd://a:7/#${secret}.${fingerprint}.x`, /fingerprint/],
    [`tagd://a:7/?s=1#${secret}`, /\?/], [`tagd://user:pw@a:7/#${secret}`, /user/], [`http://a:7/#${secret}`, /loopback only/], [`http://127.0.0.1/#${secret}.${fingerprint}`, /fingerprint/],
    [`tagd://a:0/#${secret}`, /65535/], [`tagd://a:70000/#${secret}`, /65535/], [`tagd://a:7/path/#${secret}`, /not an address/], [`tagd://a b:7/#${secret}`, /not an address/],
  ];
  for (const [text, message] of wrong) {
    const error = t.throws(() => parseLink(text), { instanceOf: TaggerError, message }, text) as TaggerError;
    t.is(error.code, 'usage');
    t.false(`${error.message}${error.hint}`.includes(secret.slice(0, 20)), text);
  }
  t.throws(() => parseLink(undefined as never), { message: /empty/ });
});

test('parseAddress() reads HOST:PORT and refuses the rest', t => {
  t.deepEqual(parseAddress('lab:1'), { host: 'lab', port: 1 });
  t.deepEqual(parseAddress('lab'), { host: 'lab', port: defaultPort });
  t.deepEqual(parseAddress('[fe80::1]:22'), { host: 'fe80::1', port: 22 });
  for (const text of ['', ':1', 'a:', 'a:x', 'fe80::1', 'http://a:1', 'a:1/x', 'a:99999', 'u@a:1']) t.throws(() => parseAddress(text), { instanceOf: TaggerError }, text);
});
