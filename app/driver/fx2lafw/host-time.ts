// driver/fx2lafw/host-time.ts - where a stream of samples stands by the clock of this computer, for the time after it has stopped.
//
// Data come late by as much as this computer was busy, and never early: the smallest lateness seen says how the two clocks stand to each other.
// The board's crystal is some 100 ppm off, so what was small long ago counts less by so much.

const drift = 200e-6;

export class HostTime {
  #latenessPs: bigint;
  #seenPs: bigint;

  /** The board starts now. */
  constructor(positionPs: bigint) {
    this.#seenPs = nowPs();
    this.#latenessPs = this.#seenPs - positionPs;
  }

  /** The samples before this time have just come. */
  saw(positionPs: bigint): void {
    const hostPs = nowPs(), latenessPs = hostPs - positionPs;
    const forgottenPs = this.#latenessPs + BigInt(Math.round(Number(hostPs - this.#seenPs) * drift));
    this.#latenessPs = latenessPs < forgottenPs ? latenessPs : forgottenPs;
    this.#seenPs = hostPs;
  }

  /** Stream time now, later than `positionPs` in any case. */
  after(positionPs: bigint): bigint {
    const streamPs = nowPs() - this.#latenessPs;
    return streamPs > positionPs ? streamPs : positionPs + 1n;
  }
}

function nowPs(): bigint { return BigInt(Math.round(performance.now() * 1e6)) * 1000n; }
