// The PTEs of a chain, one by one, for who takes them away: try_to_unmap of 2.6.6, mm/rmap.c. PG_maplock is held.

import { Page, PG_direct } from "../mm/page";
import {
  chain_index,
  chain_next,
  chain_remove,
  chain_slot,
  chain_slots,
  head_shrink,
  pte_chain_free,
} from "./pte_chain";
import { rmap_hits, rmap_stopped } from "./rmap_walk";

/**
 * Gives each PTE of a chain to the visitor, and takes out those it says RMAP_HIT of; ends when it says RMAP_STOP too.
 * True if it did.
 */
export function chain_take<V>(page: Page): bool {
  const visitor = changetype<V>(0);
  if (page.flags & PG_direct) {
    const result = visitor.visit_pte(page, page.pte);
    if (rmap_stopped(result)) return true;
    if (rmap_hits(result) != 0) chain_remove(page, page.pte);
    return false;
  }
  let element = page.pte;
  while (element != 0) {
    // The head goes with its last PTE.
    const next = chain_next(element);
    for (let index = chain_index(element); index < chain_slots(); index++) {
      const result = visitor.visit_pte(page, load<usize>(chain_slot(element, index)));
      if (rmap_stopped(result)) return true;
      if (rmap_hits(result) == 0) continue;
      // What takes its place is the head's lowest, and that was visited.
      const head = page.pte;
      store<usize>(chain_slot(element, index), load<usize>(chain_slot(head, chain_index(head))));
      pte_chain_free(head_shrink(page, head));
    }
    element = next;
  }
  return false;
}
