// Where things lie in the one shared memory. Physical address == wasm address: page frame `n` with
// content stands at n * 4096, and the frames of this map belong to the kernel image (PG_reserved).
//
//   0x00000000  NULL: never used, so that a missing pointer reads zeros
//   0x00001000  boot parameters, panic record, zones, slab caches, global locks
//   0x00008000  page wait queues
//   0x00009000  what lockdep knows: classes of locks, their order; checking builds only
//   0x00014000  256 locks of pages, if there is a table of them (lock/page_bit.ts)
//   0x00020000  per-CPU areas, 32 KiB each; those of absent CPUs are given to the buddy allocator
//   0x00220000  mem_map: 64 bytes for each frame, content or not
//   ...         frames

export const PAGE_SHIFT: u32 = 12;
export const PAGE_SIZE: u32 = 4096;
export const PAGE_MASK: u32 = 4095;

/** CPUs, at most. */
export const NR_CPUS: u32 = 64;

export const BOOT_PARAMS: usize = 0x1000;
export const PANIC_RECORD: usize = 0x1200;
export const ZONE_TABLE: usize = 0x1400;
export const KERNEL_GLOBALS: usize = 0x1800;
export const CACHE_TABLE: usize = 0x2000;
export const INIT_MM: usize = 0x3000;
export const PAGE_WAIT_TABLE: usize = 0x8000;
export const LOCK_CLASSES: usize = 0x9000;
export const LOCK_ORDER: usize = 0xc000;
export const PAGE_BIT_LOCKS: usize = 0x14000;
/** Locks of that table; bytes from one to the next. */
export const NR_PAGE_BIT_LOCKS: u32 = 256;
export const PAGE_BIT_STRIDE: usize = 64;
export const PERCPU_AREAS: usize = 0x20000;
export const PERCPU_SIZE: usize = 0x8000;
export const MEM_MAP: usize = 0x220000;

/** Bytes of struct page; page_to_pfn is a shift. */
export const STRUCT_PAGE_SHIFT: u32 = 6;
