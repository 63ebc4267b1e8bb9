// Secondary MMUs beside the programs: a thread registers a client on a part of its address space, and does some of its
// accesses through it. What they must read and what may happen is the same as without: the oracle need not know.
// A secondary MMU that refuses says nothing (it may lack memory): the program itself tries then.

import { MachineSignal } from "../../kernel/error.ts";
import type { Actor } from "./actor.ts";

/** Clients of one thread, at most. */
const MOST = 3;
/** Part of the accesses that go through one, where one has them in its window. */
const PERCENT = 50;

/** A registration of a thread. */
export interface Registration {
  readonly handle: number;
  readonly start: number;
  readonly end: number;
}

/** Registers a client, or ends one. */
export function opNotifier(actor: Actor): void {
  const { random, notifiers, order, task } = actor;
  if (notifiers.length === MOST || (notifiers.length > 0 && random.chance(40))) {
    const { handle } = notifiers.splice(random.below(notifiers.length), 1)[0] as Registration;
    // Where the locks cannot be had it goes on, until the process ends.
    actor.request("unregister", [], () => {
      task.unregisterNotifier(handle);
    });
    return;
  }
  const regions = actor.ownRegions;
  if (regions.length === 0) return;
  const region = random.pick(regions);
  const addresses = [region.address(0), region.address(region.count - 1)];
  const start = Math.min(...addresses);
  const end = Math.max(...addresses) + 4096;
  const client = random.pick(order.notifiers);
  actor.request("register", [], () => {
    const handle = task.registerNotifier(client, start, (end - start) / 4096);
    notifiers.push({ handle, start, end });
    actor.count("notifiers");
  });
}

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
