// How long something may take that nobody promises an end of. Time counts only as far as this thread runs itself: on
// a host that is busy with other things a machine stands still for a while, and nothing is wrong with it.

/** What one look counts, in ms, however long ago the last one was. */
const LOOK_MS = 50;

/** How much longer is waited for something that is under way. */
const MOVING = 10;

/** A time that runs while nothing happens, for something that is looked at often. */
export class Patience {
  readonly #clock: () => number;
  #last: number;
  #waited = 0;

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
   * Looks at the clock: for how long nothing has happened, in ms. @param isMoving true when something has, but not
   * what is waited for: then time counts a tenth
   */
  waitedMs(isMoving = false): number {
    const now = this.#clock();
    this.#waited += Math.min(now - this.#last, LOOK_MS) / (isMoving ? MOVING : 1);
    this.#last = now;
    return this.#waited;
  }
}
