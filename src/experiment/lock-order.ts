// `racier locks --order`: the order of locks that the lockdep of a checking kernel learns in a short stress, beside the
// one that docs/locking.md states.

import type { Engine } from "../engine/contract.ts";
import { documentedOrder, isDocumented } from "../machine/lock-order-list.ts";
import { learntNestings, type Nesting } from "../machine/lock-order.ts";
import { runStress } from "./stress.ts";

/** What to run. */
export interface LockOrderOptions {
  readonly kernel: string;
  readonly cpus: number;
  readonly seconds: number;
  readonly seed: number;
  /** True when the user wants it to end. */
  readonly interrupted?: () => boolean;
}

/** A pair that has nested. */
export interface LearntPair extends Nesting {
  /** It agrees with the documented order. */
  readonly documented: boolean;
}

/** What was learnt. */
export interface LockOrderDocument {
  readonly command: "locks";
  readonly kernel: string;
  readonly cpus: number;
  readonly seed: number;
  readonly operations: number;
  /** The rule that stress has seen broken, or null. */
  readonly failure: string | null;
  readonly pairs: readonly LearntPair[];
  /** Classes, the outermost first; those of one entry never nest. */
  readonly order: readonly (readonly string[])[];
}

/** Runs a stress and reads what lockdep has learnt. Rejects with ConfigError. */
export async function runLockOrder(
  options: LockOrderOptions,
  engine: Engine,
): Promise<LockOrderDocument> {
  let learnt: readonly Nesting[] = [];
  const doc = await runStress(
    {
      ...options,
      ...{ memory: "64M", checking: true },
      atEnd: (memory) => {
        learnt = learntNestings(memory);
      },
    },
    engine,
  );
  const order = documentedOrder(options.kernel);
  return {
    ...{ command: "locks", kernel: doc.kernel, cpus: doc.cpus, seed: doc.seed },
    ...{ operations: doc.operations, failure: doc.failure?.rule ?? null },
    pairs: learnt.map((pair) => ({ ...pair, documented: isDocumented(pair, order) })),
    order,
  };
}
