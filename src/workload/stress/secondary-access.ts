// Accesses of a thread that go through a secondary MMU now and then. What they must read and what may happen is the same
// as without: the oracle need not know. A secondary MMU that refuses says nothing (it may lack memory): the program
// itself tries then.

import { MachineSignal } from "../../kernel/error.ts";
import type { Actor } from "./actor.ts";

/** Part of the accesses that go through one, where one has them in its window. */
const PERCENT = 60;

/** The secondary MMU that an access goes through, or undefined: the program's own. */
function chosen(actor: Actor, address: number): number | undefined {
  if (actor.notifiers.length === 0 || !actor.random.chance(PERCENT)) return undefined;
  return actor.notifiers.find(({ start, end }) => address >= start && address < end)?.handle;
}

/** Does an access through a secondary MMU; false if there is none, or it refuses. */
function through(actor: Actor, address: number, access: (handle: number) => void): boolean {
  const handle = chosen(actor, address);
  if (handle === undefined) return false;
  try {
    access(handle);
    actor.count("guest");
    return true;
  } catch (error) {
    if (error instanceof MachineSignal) return false;
    throw error;
  }
}

/** Loads 64 bits, by the program or through a secondary MMU. */
export function load64(actor: Actor, address: number): bigint {
  const { task } = actor;
  let value = 0n;
  const done = through(actor, address, (handle) => {
    value = task.secondaryLoad64(handle, address);
  });
  return done ? value : task.load64(address);
}

/** Stores 64 bits, by the program or through a secondary MMU. */
export function store64(actor: Actor, address: number, value: bigint): void {
  const { task } = actor;
  const done = through(actor, address, (handle) => {
    task.secondaryStore64(handle, address, value);
  });
  if (!done) task.store64(address, value);
}
