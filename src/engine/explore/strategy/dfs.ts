// Every interleaving, depth first, without any reduction: for small programs, and to count.

import type { Ended, Strategy } from "./strategy.ts";
import { Path, type PathState, type WalkFrom } from "./path.ts";
import { isSecondHalf } from "./step.ts";

/** See the head of the file. */
export class DepthFirst implements Strategy {
  readonly name = "dfs";
  readonly needsLog = true;
  readonly breaksOnWake = false;
  readonly completeness = "every interleaving";
  readonly #path: Path;

  constructor(from: WalkFrom<PathState> = "start") {
    this.#path = new Path(from);
  }

  /** What remains to be walked; undefined: nothing. */
  rest(): WalkFrom<PathState> | undefined {
    return this.#path.rest();
  }

  get steps(): number {
    return this.#path.steps;
  }

  begin(): boolean {
    return this.#path.advance();
  }

  next(runnable: number, events: number): number {
    return this.#path.turn(runnable, events);
  }

  end({ log }: Ended): void {
    for (let i = this.#path.chosen.length; i < log.length; i++) {
      const cpu = log.cpu(i);
      const others = log.runnable(i) & ~(1 << cpu);
      this.#path.push(cpu, isSecondHalf(log, i) ? 0 : others);
    }
  }
}
