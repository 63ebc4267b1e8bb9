// Reclaim asks of a page whether anybody has used it, on a kernel where the lock of an anon_vma is a semaphore: it waits
// for it outside of the read section of RCU in which it has found the anon_vma. Meanwhile the last process that maps the
// page unmaps it, and memory is short. What keeps the anon_vma is a reference.
//
// Patch 09 of the thread of 2008. Its author held that the page lock was enough; the mail that racier answers to denied it.

import { ASK_AND_UNMAP, reclaimAndOwner, type ReferencedPage } from "./referenced-scene.ts";
import { defineScenario } from "./scenario.ts";

export const countedAnonVma = defineScenario<ReferencedPage>({
  name: "counted-anon-vma",
  title: "page_referenced waits for a semaphore in an anon_vma that another process gives up",
  kernels: ["mmn-v13+all"],
  switches: ["no-anon-vma-count"],
  setup: reclaimAndOwner,
  programs: ASK_AND_UNMAP,
});
