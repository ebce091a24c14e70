// tagctl/attached.ts - USB time taggers of this computer, for whoever has no station yet: what is there, and what each needs.
import type { FoundTagger } from '../driver/usb-discovery.ts';

/** The USB library is loaded only here. */
export async function attachedTaggers(): Promise<FoundTagger[]> {
  const [{ findTaggers }, { NodeUsbBus }] = await Promise.all([import('../driver/usb-discovery.ts'), import('../driver/usb.ts')]);
  return await findTaggers(new NodeUsbBus());
}

const words: Record<FoundTagger['state'], string> = {
  ready: 'ready', 'needs-firmware': 'ready; it is given its firmware when it is opened', 'needs-choice': 'needs a choice', forbidden: 'may not be opened', unsupported: 'has no driver here',
};

export function attachedLines(found: readonly FoundTagger[]): string[] {
  if (found.length === 0) return ['No USB time tagger is attached to this computer, or this user may not see it.'];
  return found.flatMap(({ model, identity: { port, serial }, state, advice }) => [
    `${model}, port ${port}${serial === '' ? '' : `, serial ${serial}`}: ${words[state]}`,
    state === 'ready' || state === 'needs-firmware' ? `  tagd --tagger usb:${serial || port}` : `  ${advice}`,
  ]);
}
