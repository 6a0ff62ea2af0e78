import { SystemClock } from '../../../../libs/nowgg-auth/src/clock.js';

/** The machine's clock as a machine has it whose clock is wrong. */
export class SkewedClock extends SystemClock {
  readonly #skewMs: number;

  constructor(skewMs: number) {
    super();
    this.#skewMs = skewMs;
  }

  override now(): number {
    return super.now() + this.#skewMs;
  }
}
