#!/usr/bin/env node
// tagctl/main.ts - entry of tagctl, the client on the command line and the second composition root.
//
// Driver, engine and client are loaded by the command that needs them, so that help is quick and offline work needs no
// daemon. Every way out passes here: one message, one exit code, no stack.
import { once } from 'node:events';
import { processContext } from './context.ts';
import { describeFailure, failureOf } from './failure.ts';
import { inTreeOrder, makeProgram } from './program.ts';

const args = process.argv.slice(2);
const context = processContext();
try {
  await makeProgram(context).parseAsync(inTreeOrder(args), { from: 'user' });
} catch (error) {
  const failure = failureOf(error);
  if (failure) {
    if (process.env['TAGD_DEBUG']) console.error(error);
    process.stderr.write(describeFailure(failure, args.includes('--json')));
    context.exitCode = failure.exitCode;
  }
}
// Sockets and workers may have farewells to say; nobody waits for them.
for (const stream of [process.stdout, process.stderr]) if (stream.writableNeedDrain) await once(stream, 'drain');
process.exit(context.exitCode);
