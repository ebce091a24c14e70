// dsp/kernels/twin-pixels.ts - twin of pixels.as.ts: delays into the histogram of the pixel that markers choose. Times are places of words.
import type { KernelSet } from './kernels.ts';
import { frameOf, pixelMark, pixelPlan } from './pixels-layout.ts';
import { addCount, difference, subtract, type Views } from './words.ts';

const lists = [['begins', 'beginsEnd', pixelMark.begin], ['ends', 'endsEnd', pixelMark.end], ['frames', 'framesEnd', pixelMark.frame]] as const;

/** One call: the plan, the lists in it and the frame. */
class PixelCall {
  readonly #views: Views;
  readonly #plan: number;
  readonly #frame: number;
  readonly #pixels: number;
  readonly #bins: number;
  readonly #widthPs: number;

  constructor(views: Views, planAt: number, frameAt: number) {
    this.#views = views;
    this.#plan = planAt / 4;
    this.#frame = frameAt / 4;
    this.#pixels = this.#get('pixels');
    this.#bins = this.#get('bins');
    this.#widthPs = views.f64[(planAt + pixelPlan.widthPs) / 8]!;
  }

  run(): number {
    const limit = this.#word('until');
    for (;;) {
      const time = this.#nextMark(limit), isLast = this.#between(time, limit) === 0;
      this.#take(time);
      if (isLast) break;
      if (this.#step(time, this.#marksAt(time))) return 1;
    }
    this.#hold(limit);
    if (this.#get('inPixel') > 0) this.#cover(this.#word('covered'));
    return 0;
  }

  /** Where the earliest marker before `limit` lies, or `limit`. The place of a held one is its own. */
  #nextMark(limit: number): number {
    let time = limit;
    const consider = (candidate: number): void => { if (this.#between(candidate, time) < 0) time = candidate; };
    if (this.#get('held') > 0) consider(this.#word('heldTime'));
    for (const [list, end] of lists) if (this.#get(list) < this.#get(end)) consider(this.#get(list) / 4);
    return time;
  }

  #marksAt(time: number): number {
    let marks = 0;
    if (this.#between(this.#word('heldTime'), time) === 0) {
      marks = this.#get('held');
      this.#set('held', 0);
    }
    for (const [list, end, mark] of lists) {
      const first = this.#get(list);
      let at = first;
      while (at < this.#get(end) && this.#between(at / 4, time) === 0) at += 8;
      this.#set(list, at);
      if (at > first) marks |= mark;
    }
    return marks;
  }

  #take(limit: number): void {
    const { u32 } = this.#views, heldTime = this.#word('heldTime'), heldClicks = this.#word('heldClicks'), row = this.#frame + 2 * this.#get('position') * this.#bins;
    const isIn = this.#get('inPixel') > 0;
    const count = (click: number, repeats: number): void => {
      let first = this.#get('starts');
      const end = this.#get('startsEnd');
      while (first < end && this.#between(click, first / 4) >= this.#bins * this.#widthPs) first += 8;
      this.#set('starts', first);
      for (let at = first; at < end; at += 8) {
        const delayPs = this.#between(click, at / 4);
        if (delayPs < 0) break;
        addCount(u32, row + 2 * Math.floor(delayPs / this.#widthPs), repeats);
      }
    };
    if (this.#between(heldTime, limit) < 0) {
      // Tags of one time are far fewer than 2^32.
      if (isIn && u32[heldClicks]! > 0) count(heldTime, u32[heldClicks]!);
      u32[heldClicks] = 0;
    }
    let at = this.#get('clicks');
    for (; at < this.#get('clicksEnd') && this.#between(at / 4, limit) < 0; at += 8) if (isIn) count(at / 4, 1);
    this.#set('clicks', at);
  }

  #step(time: number, marks: number): boolean {
    if (this.#get('inPixel') > 0) {
      this.#cover(time);
      this.#set('inPixel', 0);
      if (this.#get('position') === this.#pixels - 1) {
        this.#set('isOpen', 0);
        this.#set('position', -1);
        this.#copy('completed', time);
        this.#set('held', marks & (pixelMark.begin | pixelMark.frame));
        this.#copy('heldTime', time);
        return true;
      }
    }
    if ((marks & pixelMark.frame) > 0) {
      if (this.#get('isOpen') > 0 && this.#position >= 0) {
        this.#set('broken', this.#get('broken') + 1);
        this.#set('isStale', 1);
      }
      this.#open(time);
    }
    if ((marks & pixelMark.begin) > 0) {
      if (this.#get('hasFrame') === 0 && this.#get('isOpen') === 0) this.#open(time);
      if (this.#get('isOpen') > 0) {
        this.#set('position', this.#position + 1);
        this.#set('inPixel', 1);
        this.#copy('pixelBegan', time);
        subtract(this.#views, this.#record + 2 * this.#pixels, time, this.#word('frameBegan'));
        this.#cover(time);
      }
    }
    return false;
  }

  #open(time: number): void {
    const { began } = frameOf({ pixels: this.#pixels, bins: this.#bins });
    if (this.#get('isStale') > 0) this.#views.u32.fill(0, this.#frame, this.#frame + began / 4);
    this.#set('isStale', 0);
    this.#set('isOpen', 1);
    this.#set('position', -1);
    this.#copy('frameBegan', time);
  }

  #cover(time: number): void {
    subtract(this.#views, this.#record, time, this.#word('pixelBegan'));
    subtract(this.#views, this.#record + 4 * this.#pixels, time, this.#word('frameBegan'));
  }

  #hold(limit: number): void {
    const { u32 } = this.#views, clicks = this.#word('heldClicks');
    u32[clicks] = u32[clicks]! + (this.#get('clicksEnd') - this.#get('clicks')) / 8;
    this.#set('held', this.#marksAt(limit));
    this.#copy('heldTime', limit);
  }

  #word(field: keyof typeof pixelPlan): number { return this.#plan + pixelPlan[field] / 4; }
  #get(field: keyof typeof pixelPlan): number { return this.#views.u32[this.#word(field)]!; }
  #set(field: keyof typeof pixelPlan, value: number): void { this.#views.u32[this.#word(field)] = value; }
  #copy(field: 'completed' | 'heldTime' | 'pixelBegan' | 'frameBegan', time: number): void { this.#views.u32.copyWithin(this.#word(field), time, time + 2); }
  #between(a: number, b: number): number { return difference(this.#views.u32, this.#views.i32, a, b); }
  get #position(): number { return this.#views.i32[this.#word('position')]!; }
  /** Live time of the last pixel that began. */
  get #record(): number { return this.#frame + 2 * (this.#pixels * this.#bins + this.#get('position')); }
}

export function pixelKernels(views: () => Views): Pick<KernelSet, 'countPixels'> {
  return { countPixels: (planAt, frameAt) => new PixelCall(views(), planAt, frameAt).run() };
}
