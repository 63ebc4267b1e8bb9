// What reclaim does beside the programs: it takes a page that somebody maps, asks whether it was used, and swaps it
// or writes it to its file, whether memory is short or not.
// The page may be unmapped meanwhile, by another thread or by the exit of a process that shares it; then
// what its mapping names may be free. And memory is short now and then: slabs go back.

import { chooseRegion } from "./access-ops.ts";
import type { Actor } from "./actor.ts";
import { visit } from "./visit.ts";

/** Pages that are asked about in a row. */
const MOST_PAGES = 4;

/** Asks about some pages of a region, or takes them away from their programs; and gives slabs back. */
export function opReclaim(actor: Actor): void {
  const { random } = actor;
  const { k } = actor.task.cpu;
  const region = chooseRegion(actor);
  if (region === undefined) return;
  const pages: number[] = [];
  visit(actor, region, (seen) => {
    for (let i = random.between(1, MOST_PAGES); i > 0 && seen.count > 0; i--) {
      const page = k.follow_page(seen.address(random.below(seen.count)));
      if (page !== 0) pages.push(page);
    }
  });
  if (random.chance(50)) {
    for (const page of pages) {
      actor.count("referenced");
      k.page_referenced(page, 0);
    }
    for (const page of pages) k.put_page(page);
  } else {
    // The reference goes with it.
    for (const page of pages) actor.count("evicted", k.shrink_page(page));
  }
  if (!random.chance(5)) return;
  k.pte_chain_drain();
  k.kmem_cache_reap_all();
  k.kmem_cache_drain_others();
}
