// The invariants of a quiet machine. "Quiet" means that no CPU is inside the kernel or can come
// into it: every CPU is idle or stands in host code of its program. Then every rule of the table in
// docs/stress.md holds, whatever ran before.
//
// What is read is memory only, and each fact from a source of its own; nothing of the kernel is
// called.

import type { MemoryViews } from "../../layout/view.ts";
import { RMAP_ANONMM, RMAP_PTE_CHAIN } from "../../layout/structs.gen.ts";
import { checkChains } from "./chains.ts";
import { checkLineages } from "./lineages.ts";
import type { Violation } from "./findings.ts";
import { checkLocks, checkTasks, checkTlbs } from "./rules-cpu.ts";
import { checkFrames, checkLru, checkNrMapped } from "./rules-frames.ts";
import { checkMms } from "./rules-mm.ts";
import { checkInodeCounts, checkMappings, checkVisible } from "./rules-rmap.ts";
import { checkSwap } from "./rules-swap.ts";
import { checkNotifiers } from "./rules-notifiers.ts";
import { walkClients } from "./walk-clients.ts";
import { walkFiles } from "./walk-files.ts";
import { walkFree } from "./walk-free.ts";
import { walkMms } from "./walk-mms.ts";
import { walkSlabs } from "./walk-slabs.ts";
import { World } from "./world.ts";

/** What the caller knows that memory does not say. */
export interface InvariantOptions {
  /**
   * Files that somebody holds a handle of, once for each handle. @defaultValue any number of
   * handles is right
   */
  readonly handles?: readonly number[];
}

/** Reads the state of a quiet machine. */
export function readWorld(memory: MemoryViews): World {
  const world = new World(memory);
  walkSlabs(world);
  walkMms(world);
  walkFiles(world);
  walkClients(world);
  walkFree(world);
  return world;
}

/** Checks every rule on the memory of a quiet machine; nothing when all hold. */
export function checkInvariants(
  memory: MemoryViews,
  options: InvariantOptions = {},
): readonly Violation[] {
  const world = readWorld(memory);
  checkFrames(world);
  checkNrMapped(world);
  checkLru(world);
  checkMappings(world);
  checkVisible(world);
  if (world.rmap === RMAP_PTE_CHAIN) checkChains(world);
  if (world.rmap === RMAP_ANONMM) checkLineages(world);
  checkInodeCounts(world, options.handles);
  checkMms(world);
  checkSwap(world);
  checkTlbs(world);
  checkNotifiers(world);
  checkTasks(world);
  checkLocks(world);
  return world.findings.violations;
}
