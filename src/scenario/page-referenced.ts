// Reclaim asks of a page, to which it has a reference, whether anybody has used it: it goes from
// page->mapping to the anon_vma. Meanwhile the last process that maps the page unmaps it, the anon_vma is
// freed, and memory is short: the slab that it lay in goes back. What reclaim locks must still be a lock.
//
// races.md R01. The mail: "there's a similar problem for anon_vma, where the page lock does not help".

import { ASK_AND_UNMAP, reclaimAndOwner, type ReferencedPage } from "./referenced-scene.ts";
import { defineScenario } from "./scenario.ts";

export const pageReferenced = defineScenario<ReferencedPage>({
  name: "page-referenced",
  title: "page_referenced of a page that another process unmaps, and memory is short",
  kernels: ["2.6.9"],
  switches: ["no-typesafe-slab", "no-rcu", "late-rcu", "rcu-ends-at-lock"],
  setup: reclaimAndOwner,
  programs: ASK_AND_UNMAP,
});
