// How reverse maps differ: values of CONFIG_RMAP and bits for the five patches, which the host knows too. See
// config.ts.

/** CONFIG_RMAP: each page has the addresses of the PTEs that map it. */
export const RMAP_PTE_CHAIN: i32 = 1;
/** CONFIG_RMAP: an anonymous page has an address, and all mms since an exec may map it there. */
export const RMAP_ANONMM: i32 = 2;
/** CONFIG_RMAP: an anonymous page has a list of VMAs. */
export const RMAP_ANON_VMA: i32 = 3;

/** Bits of BootParams.patches. CONFIG_ANON_IN_MAPPING: the anonymous mark is a bit of page->mapping. */
export const PATCH_ANON_IN_MAPPING: u32 = 1;
/** CONFIG_KILL_PAGE_MAP_LOCK: the mapcount is atomic, from -1, and has no lock. */
export const PATCH_KILL_PAGE_MAP_LOCK: u32 = 2;
/** CONFIG_TYPESAFE_SLAB: memory of anon_vmas goes back after a grace period of RCU. */
export const PATCH_TYPESAFE_SLAB: u32 = 4;
/** CONFIG_MM_LOCK_ORDERING: anon_vma.lock and i_mmap_lock lie outside page_table_lock everywhere. */
export const PATCH_MM_LOCK_ORDERING: u32 = 8;
/** CONFIG_SWAPOFF_ANON_VMA: swapoff looks in the VMAs of the page's anon_vma only. */
export const PATCH_SWAPOFF_ANON_VMA: u32 = 16;
