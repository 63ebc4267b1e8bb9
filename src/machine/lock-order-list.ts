// The order of locks as docs/locking.md has it, for machines to compare: the outermost first, those on one line never
// nest. The page_table_locks of child and parent nest in fork, which is the one exception.

import { chosenKernel } from "../kernel/catalogue.ts";

const AROUND = [["mmap_sem"], ["PG_locked"], ["i_mmap_lock"]];
const INSIDE = [
  ["swap_list_lock"],
  ["swap_device_lock"],
  ["tree_lock", "PG_maplock", "mmlist_lock", "tasklist_lock", "tlbstate_lock", "runqueue_lock"],
  ["rcu_state.lock", "files_lock"],
  ["lru_lock", "KmemCache.lock"],
  ["Zone.lock", "WaitQueue.lock", "wait_lock", "disk.lock"],
];

/** The two that 2.6.9 put the other way round. */
const PTL_FIRST = [["page_table_lock"], ["anon_vma.lock"]];
const ANON_VMA_FIRST = [["anon_vma.lock"], ["page_table_lock"]];

/** The order of a kernel, which may be a variant. Throws ConfigError. */
export function documentedOrder(kernel: string): readonly (readonly string[])[] {
  const { target, settings } = chosenKernel(kernel);
  const isNew = settings["CONFIG_MM_LOCK_ORDERING"] ?? (target === "2.6.9" ? 1 : 0);
  return [["i_sem"], ...AROUND, ...(isNew === 1 ? ANON_VMA_FIRST : PTL_FIRST), ...INSIDE];
}

/** True when `outer` may be held while `inner` is taken. */
export function isDocumented(
  { outer, inner }: { readonly outer: string; readonly inner: string },
  order: readonly (readonly string[])[],
): boolean {
  const rank = (name: string): number => order.findIndex((names) => names.includes(plain(name)));
  if (plain(outer) === "page_table_lock" && inner === "page_table_lock (nested)") return true;
  // A class of lockdep's that is no lock: who waits for an answer must not be outside of anything that spins.
  if (outer === "interrupts" || inner === "interrupts") return true;
  return rank(outer) >= 0 && rank(inner) >= 0 && rank(outer) < rank(inner);
}

const plain = (name: string): string => name.replace(" (nested)", "");
