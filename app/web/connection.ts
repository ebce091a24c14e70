// web/connection.ts - keeps the page connected: tries again with growing patience, and stops where trying is no use.
import { connect } from '../client/index.ts';
import { isTaggerError } from '../core/errors.ts';
import { forgetLink } from './link.ts';
import { boxName, connection, status, takeRates } from './store.ts';

const longestPauseMs = 15_000;

/** Runs for the life of the page. */
export async function stayConnected(link: string): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      const ended = await follow(link);
      attempt = 0;
      connection.value = { state: 'connecting', attempt, because: ended };
    } catch (error) {
      if (isTaggerError(error) && (error.code === 'forbidden' || error.code === 'usage')) {
        forgetLink();
        connection.value = { state: 'refused', message: error.message, hint: error.hint };
        return;
      }
      connection.value = { state: 'connecting', attempt: attempt + 1, because: error instanceof Error ? error.message : String(error) };
    }
    await new Promise(resolve => { setTimeout(resolve, Math.min(500 * 2 ** attempt, longestPauseMs)); });
  }
}

/** Holds one connection until it ends and says why it did. */
async function follow(link: string): Promise<string> {
  await using session = await connect(link);
  const tagger = await session.tagger();
  boxName.value = (await session.info()).name;
  status.value = await tagger.status();
  connection.value = { state: 'open', session, tagger };
  await using _rates = await tagger.onRates(takeRates, { everyMs: 500 });
  await using _changes = await tagger.onChange(() => {
    // The answer may come after the end of the connection; then there is nothing left to show it on.
    tagger.status().then(next => { status.value = next; }, () => {});
  });
  const reason = await session.closed;
  return reason.message;
}
