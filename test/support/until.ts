// test/support/until.ts - waits for what a thread, a process or a device does in its own time.

/** Resolves when `condition` holds, looking every 2 ms. @throws after `timeoutMs`, with `what` was waited for */
export async function until(condition: () => boolean | Promise<boolean>, what = condition.toString(), timeoutMs = 30_000): Promise<void> {
  for (const late = performance.now() + timeoutMs; !await condition();) {
    if (performance.now() > late) throw new Error(`it never came to this: ${what}`);
    await new Promise(resolve => { setTimeout(resolve, 2); });
  }
}
