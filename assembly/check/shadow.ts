// Which memory may be touched: the allocators say so here, for the explorer, which keeps a shadow of the
// memory and looks at each access. Linux has the same since 4.0, as KASAN (kasan_poison, kasan_unpoison).
//
//   frame   free: nobody                          handed out: whoever has it
//   object  free: nobody                          handed out: the bytes that were asked for
//   the rest of a slab (header, chain of free objects, ends of objects): the slab allocator
//
// Nothing is kept here: the shadow lies outside the machine, in the explorer's own memory, so that it
// costs the threads engine a call and no memory. Free means "for good": a cache whose objects keep
// their type while others may still look at them (SLAB_DESTROY_BY_RCU) says so only for the whole slab,
// when that goes. Frames without content have no shadow.

/** Bytes that are marked in one go: the largest block of the buddy allocator. */
const MARKED_BYTES: usize = 1 << 22;

/**
 * Whether `size_bytes` at `addr`, a multiple of 64, may be touched from now on. Does nothing: the
 * explorer, which knows it by its name, puts its own in its place. It calls itself, so that it is
 * never inlined.
 */
export function shadow_mark(addr: usize, size_bytes: usize, addressable: u32): void {
  if (size_bytes <= MARKED_BYTES) return;
  shadow_mark(addr + MARKED_BYTES, size_bytes - MARKED_BYTES, addressable);
}

/** Memory is handed out. */
@inline
export function shadow_allocated(addr: usize, size_bytes: usize): void {
  if (CONFIG_CHECK) shadow_mark(addr, size_bytes, 1);
}

/** Memory has come back: no access to it is right. */
@inline
export function shadow_freed(addr: usize, size_bytes: usize): void {
  if (CONFIG_CHECK) shadow_mark(addr, size_bytes, 0);
}
