// test/dsp/measurements/flim.test.ts - Flim against plain BigInt code that follows the definition marker by marker.
import test from 'ava';
import type { FlimFrame } from '../../../app/core/measurements.ts';
import { Random } from '../../support/random.ts';
import { Bench, cutsOf, measured, randomStretches, sameNumbers, type Stretch, type Tag } from './harness.ts';

interface Scan {
  start: number; click: number; pixelBegin: number; pixelEnd: number | undefined; frameBegin: number | undefined;
  pixels: number; bins: number; binwidthPs: number; finishAfterFrames: number; framesPerOutput: number; keptFrames: number;
}
interface Frame { beganPs: bigint; counts: number[]; livePs: number[]; beginsPs: number[]; endsPs: number[]; position: number }

/** Frames by the definition: for each frame its pixels as [begin, end), and in each every pair whose click lies in it. */
function everyFrame(stretches: readonly Stretch[], scan: Scan) {
  const { pixels, bins, binwidthPs } = scan;
  const empty = (beganPs: bigint): Frame => (
    { beganPs, counts: Array(pixels * bins).fill(0), livePs: Array(pixels).fill(0), beginsPs: Array(pixels).fill(0), endsPs: Array(pixels).fill(0), position: -1 });
  const complete: Frame[] = [];
  let broken = 0, current = empty(0n), isOpen = false, donePs: bigint | undefined;
  for (const { tags, toPs, end } of stretches) {
    if (donePs !== undefined) break;
    const at = (channel: number | undefined, timePs: bigint): boolean => channel !== undefined && tags.some(tag => tag.channel === channel && tag.timePs === timePs);
    const markers = [scan.pixelBegin, scan.pixelEnd, scan.frameBegin];
    const times = [...new Set(tags.filter(tag => markers.includes(tag.channel)).map(tag => tag.timePs))].sort((a, b) => (a < b ? -1 : 1));
    let beganPs: bigint | undefined;
    const fill = (untilPs: bigint, isLast: boolean): void => {
      if (beganPs === undefined) return;
      const fromPs = beganPs;
      current.livePs[current.position] = Number(untilPs - fromPs);
      current.endsPs[current.position] = Number(untilPs - current.beganPs);
      for (const click of tags.filter(tag => tag.channel === scan.click && tag.timePs >= fromPs && (isLast || tag.timePs < untilPs))) {
        for (const start of tags.filter(tag => tag.channel === scan.start && tag.timePs <= click.timePs)) {
          const bin = Number((click.timePs - start.timePs) / BigInt(binwidthPs));
          if (bin < bins) current.counts[current.position * bins + bin]!++;
        }
      }
      beganPs = undefined;
    };
    for (const timePs of times) {
      if (beganPs !== undefined) {
        fill(timePs, false);
        if (current.position === pixels - 1) {
          complete.push(current);
          isOpen = false;
          current = empty(timePs);
          if (complete.length === scan.finishAfterFrames * scan.framesPerOutput) { donePs = timePs; break; }
        }
      }
      if (at(scan.frameBegin, timePs)) {
        if (isOpen && current.position >= 0) broken++;
        current = empty(timePs);
        isOpen = true;
      }
      if (!at(scan.pixelBegin, timePs)) continue;
      if (scan.frameBegin === undefined && !isOpen) {
        current = empty(timePs);
        isOpen = true;
      }
      if (!isOpen) continue;
      current.position++;
      beganPs = timePs;
      current.beginsPs[current.position] = current.endsPs[current.position] = Number(timePs - current.beganPs);
    }
    fill(toPs, true);
    if (donePs === undefined) {
      if (isOpen && current.position >= 0 && end.kind !== 'pause') broken++;
      isOpen = false;
    }
  }
  const outputs = Array.from({ length: Math.floor(complete.length / scan.framesPerOutput) }, (_, i) => summed(complete.slice(i * scan.framesPerOutput, (i + 1) * scan.framesPerOutput)));
  return { outputs, broken, current, donePs };
}

function summed(frames: readonly Frame[]): Frame {
  const last = frames.at(-1)!, sum = (key: 'counts' | 'livePs'): number[] => last[key].map((_, i) => frames.reduce((total, frame) => total + frame[key][i]!, 0));
  return { ...last, counts: sum('counts'), livePs: sum('livePs') };
}

function intensities({ counts, livePs }: Frame, bins: number): number[] {
  return livePs.map((live, pixel) => (live > 0 ? counts.slice(pixel * bins, (pixel + 1) * bins).reduce((a, b) => a + b, 0) / live * 1e12 : NaN));
}

function randomScan(random: Random): Scan {
  // Start and click may be markers as well; markers are three different channels.
  const [pixelBegin, pixelEnd, frameBegin] = random.pick([[2, 3, 4], [4, 2, 3], [3, 4, 2], [0, 3, 2], [3, 1, 2]]) as [number, number, number];
  const start = random.integer(0, 4);
  return {
    start, click: (start + random.integer(1, 4)) % 5, pixelBegin, pixelEnd: random.chance(0.5) ? pixelEnd : undefined, frameBegin: random.chance(0.5) ? frameBegin : undefined,
    pixels: random.pick([1, 2, 3, 5]), bins: random.pick([1, 5, 40]), binwidthPs: random.pick([1, 10, 300, 2 ** 30]),
    finishAfterFrames: random.chance(0.3) ? random.integer(1, 3) : 0, framesPerOutput: random.pick([1, 1, 2, 3]), keptFrames: random.pick([1, 1, 2, 4]),
  };
}

test('Flim equals its definition with any markers, however the tags are cut, in both kernels', t => {
  for (let seed = 0; seed < 120; seed++) {
    const random = new Random(seed), scan = randomScan(random), { pixels, bins } = scan;
    const stretches = randomStretches(random, { channels: 6, stretches: random.integer(1, 3), meanPs: random.pick([1, 3, 40, 900]) });
    const { outputs, broken, current, donePs } = everyFrame(stretches, scan);
    for (const { name, cut } of cutsOf(random)) {
      for (const kind of ['wasm', 'typescript'] as const) {
        const note = `seed ${seed}, ${name}, ${kind}, ${JSON.stringify(scan)}`;
        const beforeCall = (bench: Bench): void => { if (random.chance(0.1)) bench.rebase(2n ** 60n - bench.originPs); };
        const bench = measured('flim', { ...scan }, stretches, { kind, cut, beforeCall, publishAfter: () => random.chance(0.2) });
        t.is(bench.read('getFramesAcquired'), outputs.length, note);
        t.is(bench.read('getFramesBroken'), broken, note);
        t.is(bench.measurement.done, donePs !== undefined, note);
        t.is(bench.read('ready'), donePs !== undefined, note);
        if (donePs !== undefined) t.is(bench.measurement.doneAtPs! + bench.originPs, donePs, note);
        const total = outputs.length > 0 ? summed(outputs) : undefined;
        for (const [which, frame] of [['CurrentFrame', donePs === undefined ? current : undefined], ['ReadyFrame', outputs.at(-1)], ['SummedFrames', total]] as const) {
          const nothing: Frame = { beganPs: 0n, counts: Array(pixels * bins).fill(0), livePs: Array(pixels).fill(0), beginsPs: Array(pixels).fill(0), endsPs: Array(pixels).fill(0), position: -1 };
          const expected = frame ?? nothing, object = bench.read(`get${which}Ex`) as FlimFrame, where = `${which}, ${note}`;
          sameNumbers(t, bench.counts(`get${which}`), expected.counts, where);
          sameNumbers(t, bench.read(`get${which}Intensity`) as Float64Array, intensities(expected, bins), where);
          sameNumbers(t, object.intensitiesHz, intensities(expected, bins), where);
          sameNumbers(t, Array.from(object.histograms, Number), expected.counts, where);
          for (const [key, column] of [['liveTimePs', 'livePs'], ['pixelBeginsPs', 'beginsPs'], ['pixelEndsPs', 'endsPs']] as const) sameNumbers(t, object[key], expected[column], `${key}, ${where}`);
          t.like(object, { pixels, bins, pixelPosition: which === 'CurrentFrame' ? expected.position : frame ? pixels - 1 : -1 }, where);
          if (which !== 'CurrentFrame') t.like(object, { valid: frame !== undefined, frameNumber: outputs.length - 1 }, where);
          if (frame && frame.position >= 0) t.is(object.beginPs[0]! + bench.originPs, frame.beganPs, where);
        }
        const { keptFrames: kept } = scan, oldest = Math.max(0, outputs.length - kept);
        for (let k = oldest; k < outputs.length; k++) {
          for (const index of [k, k - outputs.length]) {
            const object = bench.read('getReadyFrameEx', { index }) as FlimFrame;
            sameNumbers(t, bench.counts('getReadyFrame', { index }), outputs[k]!.counts, `frame ${index}, ${note}`);
            sameNumbers(t, object.pixelEndsPs, outputs[k]!.endsPs, `frame ${index}, ${note}`);
            t.is(object.beginPs[0]! + bench.originPs, outputs[k]!.beganPs, `frame ${index}, ${note}`);
            t.like(object, { frameNumber: k, valid: true, frames: scan.framesPerOutput });
          }
        }
        for (const index of [oldest - 1, outputs.length, -2 - kept]) if (index !== -1) t.throws(() => bench.read('getReadyFrame', { index }), { code: 'not-found' }, `frame ${index}, ${note}`);
        const both = total ? total.counts.map((count, i) => count + (donePs === undefined ? current.counts[i]! : 0)) : donePs === undefined ? current.counts : Array(pixels * bins).fill(0) as number[];
        sameNumbers(t, bench.counts('getSummedFrames', { onlyReady: false }), both, note);
      }
    }
  }
});

/** A scan of `frames` frames of 2 pixels of 100 ps, one start and one click in each, the click `pixel + 1` ps behind. */
function scanned(frames: number, startPs = 0n): Tag[] {
  return Array.from({ length: 2 * frames }, (_, i) => {
    const beginPs = startPs + BigInt(100 * i);
    return [{ timePs: beginPs, channel: 3 }, { timePs: beginPs + 10n, channel: 1 }, { timePs: beginPs + 11n + BigInt(i % 2), channel: 2 }];
  }).flat();
}
const twoPixels = { start: 1, click: 2, pixelBegin: 3, pixelEnd: undefined, frameBegin: undefined, pixels: 2, bins: 4, binwidthPs: 1, finishAfterFrames: 0, framesPerOutput: 1, keptFrames: 1 };

test('Flim shows what is under way, and summed frames are handed out once with remove', t => {
  for (const kind of ['wasm', 'typescript'] as const) {
    for (const pixels of [2, 3000]) {
      // Many pixels go by shared memory, few by value.
      const bench = new Bench('flim', { ...twoPixels, pixels }, kind), tags = scanned(pixels === 2 ? 5 : 7500);
      const first = (getter: string, args = {}): number[] => bench.counts(getter, args).slice(0, 8);
      const each = [0, 1, 0, 0, 0, 0, 1, 0];
      t.deepEqual(bench.read('getCurrentFrameIntensity'), new Float64Array(pixels).fill(NaN));
      let from = 0;
      const feed = (to: number): void => {
        bench.call(tags, from, to, tags[from]!.timePs, tags[to]!.timePs);
        bench.publish();
        from = to;
      };
      // The marker that ends a frame lies at the border: it is not settled.
      feed(3 * pixels);
      t.deepEqual([bench.read('getFramesAcquired'), bench.read('isAcquiring'), bench.read('getPixelPosition')], [0, true, pixels - 1], `${kind}, ${pixels}`);
      t.deepEqual(first('getCurrentFrame'), each);
      t.deepEqual(first('getSummedFrames'), each.map(() => 0));
      t.deepEqual(first('getSummedFrames', { onlyReady: false }), each);
      feed(3 * pixels + 2);
      t.deepEqual([bench.read('getFramesAcquired'), bench.read('isAcquiring'), bench.read('getPixelPosition')], [1, true, 0]);
      t.deepEqual(first('getSummedFrames', { remove: true }), each);
      t.deepEqual(first('getSummedFrames', { remove: true }), each.map(() => 0));
      t.deepEqual((bench.read('getReadyFrameIntensity') as Float64Array).slice(0, 2), Float64Array.of(1e10, 1e10));
      feed(12 * pixels + 2);
      t.deepEqual(first('getSummedFrames', { remove: true }), each.map(count => 3 * count));
      t.deepEqual(first('getData'), each.map(() => 0));
      t.deepEqual(first('getReadyFrame'), each);
      t.is((bench.read('getSummedFramesEx') as FlimFrame).frames, 4);
      t.throws(() => bench.read('getSummedFrames', { onlyReady: false, remove: true }), { message: /onlyReady/ });
      bench.measurement.clear(0n);
      bench.totals.clear();
      bench.publish();
      t.deepEqual(first('getReadyFrame'), each.map(() => 0), 'cleared');
      t.deepEqual([bench.read('getFramesAcquired'), bench.read('getPixelPosition'), bench.read('isAcquiring')], [0, -1, false]);
      from = 0;
      feed(3 * pixels + 2);
      t.deepEqual(first('getData'), each, 'and measured again');
    }
  }
});

test('Flim hands over frames in the middle of a long call', t => {
  const tags = scanned(9000);
  for (const framesPerOutput of [1, 4]) {
    const bench = measured('flim', { ...twoPixels, framesPerOutput }, [{ tags, fromPs: 0n, toPs: 1_800_000n, end: { kind: 'pause', atPs: 1_800_000n } }]);
    const outputs = Math.floor(8999 / framesPerOutput);
    t.is(bench.read('getFramesAcquired'), outputs);
    t.deepEqual(bench.counts(), [0, 1, 0, 0, 0, 0, 1, 0].map(count => count * outputs * framesPerOutput));
    t.deepEqual(bench.counts('getReadyFrame'), [0, 1, 0, 0, 0, 0, 1, 0].map(count => count * framesPerOutput));
    t.deepEqual(bench.counts('getCurrentFrame'), [0, 1, 0, 0, 0, 0, 1, 0], 'the stop left the last one as it was');
    t.false(bench.read('isAcquiring'));
  }
});

test('Flim counts only tags up to the end of its last frame', t => {
  const tags = scanned(10), stretch: Stretch = { tags, fromPs: 0n, toPs: 2000n, end: { kind: 'pause', atPs: 2000n } };
  for (const { name, cut } of cutsOf(new Random(1))) {
    const bench = measured('flim', { ...twoPixels, finishAfterFrames: 3 }, [stretch], { cut });
    t.is(bench.measurement.doneAtPs, 600n, name);
    // The marker at 600 ps is the last; one more tag may be needed to show that its time is over.
    t.is(bench.measurement.tags, 19, name);
  }
});
