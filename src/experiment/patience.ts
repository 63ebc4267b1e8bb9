// How long something may take that nobody promises an end of. Time counts only as far as this thread runs itself: on
// a host that is busy with other things a machine stands still for a while, and nothing is wrong with it.

/** What one look counts, in ms, however long ago the last one was. */
const LOOK_MS = 50;

/** How much longer is waited for something that is under way. */
const MOVING = 10;
/** What has moved is under way for so long, in ms: on a busy host a thread runs now and then only. */
const STILL_MS = 1000;

/** A time that runs while nothing happens, for something that is looked at often. */
export class Patience {
  readonly #clock: () => number;
  #last: number;
  #waited = 0;
  /** Since something has moved, counted as #waited is. */
  #still = Infinity;

  /** @param clock now, in ms */
  constructor(clock: () => number = () => performance.now()) {
    this.#clock = clock;
    this.#last = clock();
  }

  /** Something has happened: the time begins anew. */
  renew(): void {
    this.#waited = 0;
    this.#last = this.#clock();
  }

  /**
   * Looks at the clock: for how long nothing has happened, in ms. @param isMoving true when something has since the
   * last look, but not what is waited for: then time counts a tenth for a while
   */
  waitedMs(isMoving = false): number {
    const now = this.#clock();
    const passed = Math.min(now - this.#last, LOOK_MS);
    this.#still = isMoving ? 0 : this.#still + passed;
    this.#waited += passed / (this.#still < STILL_MS ? MOVING : 1);
    this.#last = now;
    return this.#waited;
  }
}
