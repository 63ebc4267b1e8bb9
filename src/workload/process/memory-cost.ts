// What memory-programs.ts counts.

/** Bytes that one generation of the reverse map takes, besides struct page. */
export interface MemoryCost {
  /** A VMA with its first anonymous page: the VMA itself and its anon_vma. */
  readonly vma: number;
  /** The first PTE of a page. */
  readonly firstMapping: number;
  /** The second PTE of a page. */
  readonly secondMapping: number;
  /** A PTE of a page that 17 processes map, on average. */
  readonly manyMappings: number;
  /** A forked process: its mm, and what that needs. */
  readonly process: number;
}

/** Programs of memory-programs.ts. */
export const MEMORY_PROGRAMS: readonly string[] = ["measureMemory", "memoryChild"];
