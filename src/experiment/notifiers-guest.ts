// A guest that runs while its host swaps it: one round on a machine of its own, which is too small for both.

import type { Engine } from "../engine/contract.ts";
import { createMachine } from "../machine/machine.ts";
import { ownModule } from "../machine/program.ts";
import {
  GUEST_PROGRAMS,
  type GuestOrder,
  type GuestOutcome,
} from "../workload/notifiers/orders.ts";

/** Memory of the machine: less than guest and host use. */
const MEMORY_BYTES = 8 << 20;
const GUEST_PAGES = 1024;
const HOST_PAGES = 1536;
const SWAP_BYTES = 32 << 20;

/** What to measure. */
export interface GuestOptions {
  readonly kernel: string;
  /** The secondary MMU of the guest. */
  readonly client: string;
  readonly milliseconds: number;
  /** Pages that must have been swapped out before it ends. @defaultValue 1 */
  readonly leastSwapOuts?: number;
  /** The checking build. @defaultValue false */
  readonly checking?: boolean;
  /** The guest also stores. @defaultValue true */
  readonly stores?: boolean;
  /** Where the client is, if it is none of ours. */
  readonly module?: URL;
}

/** Lets the guest run for a while. Rejects with ConfigError. */
export async function guestRound(options: GuestOptions, engine: Engine): Promise<GuestOutcome> {
  const { kernel, client, milliseconds, module, checking = false } = options;
  const { stores = true, leastSwapOuts = 1 } = options;
  const sizes = { cpus: 2, memory: MEMORY_BYTES, disk: SWAP_BYTES };
  const machine = await createMachine({ kernel, checking, ...sizes }, engine);
  try {
    const programs = ownModule("../workload/notifiers/guest-programs", import.meta.url);
    await machine.load({ module: programs, programs: GUEST_PROGRAMS });
    if (module !== undefined) await machine.loadNotifier(module);
    const shared: GuestOrder = {
      ...{ client, milliseconds, leastSwapOuts, stores, swapBytes: SWAP_BYTES },
      ...{ guestPages: GUEST_PAGES, hostPages: HOST_PAGES },
      barrier: new SharedArrayBuffer(12),
      host: new SharedArrayBuffer(16),
    };
    return (await machine.run("guestMain", { shared })) as GuestOutcome;
  } finally {
    await machine.stop();
  }
}
