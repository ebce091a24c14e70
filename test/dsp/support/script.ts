// test/dsp/support/script.ts - what a scripted tagger does, step by step; travels to the ingest worker as text.
import { BroadcastChannel } from 'node:worker_threads';
import type { TaggerInfo, TaggerSource } from '../../../app/core/tagger.ts';
import type { Loss } from '../../../app/core/tags.ts';
import { Line, type LineOptions } from '../../../app/dsp/line.ts';

export interface TagList { timesPs: bigint[]; channels: number[] }

export type Act =
  | { do: 'tags'; tags: TagList }
  /** The same tags through `room()` and `commit()`, at most `atOnce` in one commit. */
  | { do: 'commit'; tags: TagList; atOnce: number }
  | { do: 'heartbeat'; timePs: bigint }
  | { do: 'lost'; loss: Loss }
  | { do: 'losing'; fromPs: bigint }
  | { do: 'epoch'; atPs: bigint }
  | { do: 'slip'; atPs: bigint }
  | { do: 'clock'; atPs: bigint }
  | { do: 'settings'; atPs: bigint; revision: number; channels: number[] }
  /** Tells the test that it is here and waits until the test opens the gate. */
  | { do: 'gate'; name: string }
  /** `count` tags on channels 0 and 1 in turn, `stepPs` apart, from `fromPs` on; as fast as the ring takes them. */
  | { do: 'comb'; fromPs: bigint; stepPs: number; count: number }
  | { do: 'fail'; message: string }
  | { do: 'die' };

export interface Script {
  acts: Act[];
  channels?: number;
  source?: 'live' | 'waitable';
  freeRunning?: boolean;
  overflowReport?: TaggerInfo['overflowReport'];
}

let opened = 0;

/** The gates of a script. It listens before the line opens: a free-running script may be at its first gate before that is told. */
class Gates {
  readonly #wire: BroadcastChannel;
  readonly #tell: (message: unknown) => void;
  readonly #reached = new Set<string>();
  readonly #waiting = new Map<string, () => void>();

  constructor(wire: BroadcastChannel) {
    this.#wire = wire;
    this.#tell = wire.postMessage.bind(wire);
    wire.addEventListener('message', event => {
      const { reached } = (event as unknown as { data: { reached?: string } }).data;
      if (reached === undefined) return;
      this.#reached.add(reached);
      this.#waiting.get(reached)?.();
    });
  }

  async reached(gate: string): Promise<void> {
    if (!this.#reached.has(gate)) await new Promise<void>(resolve => { this.#waiting.set(gate, resolve); });
  }

  open(gate: string): void { this.#tell({ open: gate }); }

  close(): void { this.#wire.close(); }
}

/** A line with a scripted tagger, and the gates of its script. */
export class ScriptedLine implements AsyncDisposable {
  readonly line: Line;
  readonly #gates: Gates;

  static async open(script: Script, options: Partial<LineOptions> = {}): Promise<ScriptedLine> {
    const name = `script ${process.pid} ${++opened}`;
    const gates = new Gates(new BroadcastChannel(name));
    const source: TaggerSource = { kind: 'replay', file: encode({ wire: name, script }), speed: 'unpaced' };
    try {
      const line = await Line.open({ id: 'scripted', source, ingestWorker: new URL('./scripted.worker.ts', import.meta.url), ringSlots: 8, ...options });
      return new ScriptedLine(line, gates);
    } catch (error) {
      gates.close();
      throw error;
    }
  }

  private constructor(line: Line, gates: Gates) {
    this.line = line;
    this.#gates = gates;
  }

  /** Resolves when the script stands at this gate. */
  reached(gate: string): Promise<void> { return this.#gates.reached(gate); }

  open(gate: string): void { this.#gates.open(gate); }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.line[Symbol.asyncDispose]();
    this.#gates.close();
  }
}

export function encode(value: unknown): string {
  return JSON.stringify(value, (_, item: unknown) => (typeof item === 'bigint' ? `${item}n` : item));
}
export function decode<T>(text: string): T {
  return JSON.parse(text, (_, item: unknown) => (typeof item === 'string' && /^-?\d+n$/.test(item) ? BigInt(item.slice(0, -1)) : item)) as T;
}
