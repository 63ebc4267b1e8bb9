// Names for the values of CONFIG_*, and a compile-time refusal of kernels that never were.
//
// asconfig.json gives every target its CONFIG_* values. A branch on one of them is folded, and the
// branch not taken is not compiled, so a variant costs nothing at run time. Left out: defaults. A
// target that forgets a value does not compile.

/** CONFIG_KERNEL: the version as one number, major * 10000 + minor * 100 + patch. */
export const KERNEL_2_6_8: i32 = 20608;
export const KERNEL_2_6_9: i32 = 20609;

/** CONFIG_RMAP: plain mapcount under a lock bit of the page's flags. */
export const RMAP_PAGE_MAP_LOCK: i32 = 1;
/** CONFIG_RMAP: atomic mapcount that starts at -1. */
export const RMAP_ATOMIC_MAPCOUNT: i32 = 2;

/** CONFIG_SPINLOCK: test, then test-and-set; no order among the waiters. */
export const SPINLOCK_TTAS: i32 = 1;
/** CONFIG_SPINLOCK: tickets, first come, first served. */
export const SPINLOCK_TICKET: i32 = 2;

/** CONFIG_RECLAIM_LOCKS: who comes from a page tries page_table_lock and i_mmap_lock. */
export const RECLAIM_TRIES: i32 = 1;
/** CONFIG_RECLAIM_LOCKS: who comes from a page waits for them. */
export const RECLAIM_SPINS: i32 = 2;

if (CONFIG_KERNEL != KERNEL_2_6_8 && CONFIG_KERNEL != KERNEL_2_6_9)
  ERROR("CONFIG_KERNEL names no kernel: 20608 or 20609");
if (CONFIG_RMAP != RMAP_PAGE_MAP_LOCK && CONFIG_RMAP != RMAP_ATOMIC_MAPCOUNT)
  ERROR("CONFIG_RMAP names no reverse map: 1 (page_map_lock) or 2 (atomic mapcount)");
if (CONFIG_SPINLOCK != SPINLOCK_TTAS && CONFIG_SPINLOCK != SPINLOCK_TICKET)
  ERROR("CONFIG_SPINLOCK names no spinlock: 1 (test and test-and-set) or 2 (ticket)");
if (CONFIG_RECLAIM_LOCKS != RECLAIM_TRIES && CONFIG_RECLAIM_LOCKS != RECLAIM_SPINS)
  ERROR("CONFIG_RECLAIM_LOCKS names no way to take locks: 1 (trylock) or 2 (spin)");
if (CONFIG_CHECK != 0 && CONFIG_CHECK != 1) ERROR("CONFIG_CHECK is 0 (off) or 1 (on)");

if (CONFIG_KERNEL == KERNEL_2_6_8 && CONFIG_RMAP != RMAP_PAGE_MAP_LOCK)
  ERROR("2.6.8 counts mappings under the page bit lock: set CONFIG_RMAP=1");
if (CONFIG_KERNEL == KERNEL_2_6_9 && CONFIG_RMAP != RMAP_ATOMIC_MAPCOUNT)
  ERROR("2.6.9 counts mappings with atomics: set CONFIG_RMAP=2");
if (CONFIG_RMAP == RMAP_PAGE_MAP_LOCK && CONFIG_RECLAIM_LOCKS != RECLAIM_TRIES)
  ERROR("under the page bit lock, reclaim must not wait for other locks: CONFIG_RECLAIM_LOCKS=1");
