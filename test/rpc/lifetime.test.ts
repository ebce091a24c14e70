// test/rpc/lifetime.test.ts - the chain on which everything a client holds hangs.
import test from 'ava';
import { TaggerError } from '../../app/core/errors.ts';
import { Lifetime } from '../../app/rpc/lifetime.ts';

const reason = new TaggerError('closed', 'over');

test('the end of a parent ends all below it at once, and each listener hears of it once', t => {
  const parent = new Lifetime();
  const child = new Lifetime(new Lifetime(parent));
  const heard: string[] = [];
  child.onEnd(({ message }) => heard.push(message));
  const leave = child.onEnd(() => heard.push('left'));
  leave();
  parent.end(reason);
  parent.end(new TaggerError('closed', 'again'));
  t.deepEqual(heard, ['over']);
  t.throws(() => child.check(), { is: reason });
  child.onEnd(({ message }) => heard.push(`late: ${message}`));
  t.deepEqual(heard, ['over', 'late: over']);
});

test('a lifetime under one that is over is over', t => {
  const parent = new Lifetime();
  parent.end(reason);
  t.throws(() => new Lifetime(parent).check(), { is: reason });
});

test('the end of a child leaves its parent and its siblings', t => {
  const parent = new Lifetime();
  const [first, second] = [new Lifetime(parent), new Lifetime(parent)];
  first[Symbol.dispose]();
  first[Symbol.dispose]();
  t.true(first.ended);
  t.notThrows(() => { parent.check(); second.check(); });
});

test('race() gives the outcome or the reason, whichever is first, and swallows what comes later', async t => {
  const lifetime = new Lifetime();
  t.is(await lifetime.race(7), 7);
  t.is(await lifetime.race(Promise.resolve(8)), 8);
  await t.throwsAsync(lifetime.race(Promise.reject(new Error('own'))), { message: 'own' });
  const work = Promise.withResolvers<number>();
  const racing = lifetime.race(work.promise);
  lifetime.end(reason);
  await t.throwsAsync(racing, { is: reason });
  work.reject(new Error('too late for anybody'));
  await t.throwsAsync(lifetime.race(Promise.reject(new Error('nobody hears this'))), { is: reason });
});
