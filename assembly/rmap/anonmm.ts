// anonmm: the reverse map that lost. An anonymous page is mapped at one virtual address, in mms that were
// forked from each other without an exec between: a lineage. Linux: mm/rmap.c of 22 May 2004, between two
// commits of one day; first posted as anobjrmap in March 2003.
//
//   page ── mapping ─> anonmm <── mm            mapping and index: in which mm the page was first faulted,
//                        │ head                 and at which address
//                        v
//                      head ─ list ─ anonmm ─ anonmm ─ ...
//
// count: 1 for the mm, 1 for each mapped page that points here; a head has 1 for itself, and 1 for each
// other member. A member goes when it has no mm and no page; the head when all others are gone.
//
// Protocol: the head's lock guards the list and `mm` of all members. PG_maplock > head's lock >
// page_table_lock, which is tried, since faults take PG_maplock inside it.

import { atomic_dec_and_test, atomic_inc, read_once } from "../arch/atomic";
import { FIX_ANONMM_SAMPLE, without } from "../arch/fixes";
import { list_add_tail, list_del, list_init } from "../lib/list";
import { spin_lock, spin_unlock } from "../lock/spinlock";
import { MmStruct } from "../mm/mm_types";
import { kmem_cache_alloc, kmem_cache_free } from "../mm/slab";
import { CACHE_ANONMM } from "../mm/slab_types";

@unmanaged @final
export class AnonMm {
  /** Spinlock of the list; only the head's is used. */
  @atomic lock: u32;
  /** Who needs it: see the head of the file. */
  @atomic count: i32;
  /** Its address space; 0 when that is gone. */
  @guarded("lock") mm: usize;
  /** The first of the lineage. */
  head: usize;
  /** All of a lineage, in a circle. */
  @guarded("lock") list_next: usize;
  /** See list_next. */
  @guarded("lock") list_prev: usize;
}

/** Where the count is. */
@inline
export function anonmm_count(anonmm: usize): usize {
  return anonmm + offsetof<AnonMm>("count");
}

/** The node of a member. */
@inline
export function anonmm_node(anonmm: usize): usize {
  return anonmm + offsetof<AnonMm>("list_next");
}

/** The member that a node belongs to. */
@inline
export function node_anonmm(node: usize): AnonMm {
  return changetype<AnonMm>(node - offsetof<AnonMm>("list_next"));
}

function anonmm_alloc(mm: MmStruct, head: usize, count: i32): usize {
  const object = kmem_cache_alloc(CACHE_ANONMM);
  if (object == 0) return 0;
  const anonmm = changetype<AnonMm>(object);
  anonmm.lock = 0;
  anonmm.count = count;
  anonmm.mm = changetype<usize>(mm);
  anonmm.head = head == 0 ? object : head;
  mm.anonmm = object;
  return object;
}

/** A new lineage begins: exec, or the first program. False: out of memory. */
export function exec_rmap(mm: MmStruct): bool {
  const anonmm = anonmm_alloc(mm, 0, 2);
  if (anonmm == 0) return false;
  list_init(anonmm_node(anonmm));
  return true;
}

/** Fork: `mm`, in which nothing is mapped yet, joins the lineage of `parent`. False: out of memory. */
export function dup_rmap(mm: MmStruct, parent: MmStruct): bool {
  const head = changetype<AnonMm>(parent.anonmm).head;
  const anonmm = anonmm_alloc(mm, head, 1);
  if (anonmm == 0) return false;
  spin_lock(head);
  atomic_inc(anonmm_count(head));
  list_add_tail(anonmm_node(anonmm), anonmm_node(head));
  spin_unlock(head);
  return true;
}

/** A member leaves its lineage, whose head is locked. */
function anonmm_unlink(anonmm: usize): void {
  list_del(anonmm_node(anonmm));
  atomic_dec_and_test(anonmm_count(changetype<AnonMm>(anonmm).head));
}

/** An address space in which nothing is mapped any more leaves its lineage. */
export function exit_rmap(mm: MmStruct): void {
  const own = mm.anonmm;
  if (own == 0) return;
  const head = changetype<AnonMm>(own).head;
  mm.anonmm = 0;
  spin_lock(head);
  changetype<AnonMm>(own).mm = 0;
  // Never the head's: it has 1 for itself.
  const gone = atomic_dec_and_test(anonmm_count(own));
  if (gone) anonmm_unlink(own);
  // Seen under the lock: behind it two that leave together would both find that they are the last.
  let left = read_once<i32>(anonmm_count(head));
  spin_unlock(head);
  if (gone) kmem_cache_free(CACHE_ANONMM, own);
  if (without(FIX_ANONMM_SAMPLE)) left = read_once<i32>(anonmm_count(head));
  if (left == 1) kmem_cache_free(CACHE_ANONMM, head);
}

/** One more page points at a member. */
@inline
export function anonmm_get(anonmm: usize): void {
  atomic_inc(anonmm_count(anonmm));
}

/**
 * One page less points at a member; the last one of a dead member frees it. The lineage is not gone: who
 * unmaps the page is of it.
 */
export function anonmm_put(anonmm: usize): void {
  if (!atomic_dec_and_test(anonmm_count(anonmm))) return;
  const head = changetype<AnonMm>(anonmm).head;
  spin_lock(head);
  anonmm_unlink(anonmm);
  spin_unlock(head);
  kmem_cache_free(CACHE_ANONMM, anonmm);
}
