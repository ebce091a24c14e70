// test/daemon/line-keeper.test.ts - a line that cannot be opened yet is tried again, and only what nobody can cure ends it.
import test from 'ava';
import { TaggerError } from '../../app/core/errors.ts';
import { LineKeeper } from '../../app/daemon/line-keeper.ts';

const line = () => ({ isOpen: true, async [Symbol.asyncDispose]() { this.isOpen = false; } });

test('each reason is told once, and the line is handed over when it is there', async t => {
  const absent = new TaggerError('not-found', 'Cannot open it: none is attached.', { hint: 'Plug it in.' });
  const failures = [absent, absent, new TaggerError('forbidden', 'Cannot open it: you may not.')];
  const told: string[] = [], made = line();
  let taken: unknown;
  const open = async (): Promise<typeof made> => {
    const error = failures.shift();
    if (error) throw error;
    return made;
  };
  const keeper = new LineKeeper({ open, onLine: opened => { taken = opened; }, onAbsent: reason => { told.push(reason); }, retryMs: 1 });
  t.is(keeper.reason, 'it is being looked for');
  await keeper.run();
  t.is(taken, made);
  t.deepEqual(told, ['Cannot open it: none is attached. Plug it in.', 'Cannot open it: you may not.']);
  t.is(keeper.reason, undefined);
});

test('what cannot be cured from outside ends it', async t => {
  const keeper = new LineKeeper({ open: async () => { throw new TaggerError('usage', 'There is no such driver.'); }, onLine: () => {}, onAbsent: () => {}, retryMs: 1 });
  await t.throwsAsync(keeper.run(), { code: 'usage' });
  const broken = new LineKeeper({ open: async () => { throw new TypeError('a bug'); }, onLine: () => {}, onAbsent: () => {}, retryMs: 1 });
  await t.throwsAsync(broken.run(), { name: 'TypeError' });
});

test('closed while it opens, the line is given back; closed while it waits, it ends at once', async t => {
  const made = line(), opening = Promise.withResolvers<typeof made>();
  const keeper = new LineKeeper({ open: () => opening.promise, onLine: () => { t.fail('nobody wants it any more'); }, onAbsent: () => {} });
  const running = keeper.run();
  keeper.close();
  opening.resolve(made);
  await running;
  t.false(made.isOpen);
  const waiting = new LineKeeper({ open: async () => { throw new TaggerError('busy', 'Another has it.'); }, onLine: () => {}, onAbsent: () => { setImmediate(() => { waiting.close(); }); }, retryMs: 2 ** 31 - 1 });
  await waiting.run();
  t.is(waiting.reason, 'Another has it.');
});
