// The structures of an address space: mm_struct and vm_area_struct. The host (src/mm) orchestrates
// them; faults and walks read them here. Linux: include/linux/sched.h and mm.h of 2.6.9, with
// 64-bit addresses.
//
// Protection: the VMA list, the tree and the fields of a VMA change under mmap_sem held for
// writing, and where a rmap walker could look (vm_start, vm_end, vm_pgoff) under i_mmap_lock and
// anon_vma.lock too.

import { RwSemaphore } from "../lock/rwsem";

export const VM_READ: u32 = 0x1;
export const VM_WRITE: u32 = 0x2;
export const VM_EXEC: u32 = 0x4;
export const VM_SHARED: u32 = 0x8;
export const VM_MAYREAD: u32 = 0x10;
export const VM_MAYWRITE: u32 = 0x20;
export const VM_MAYEXEC: u32 = 0x40;
export const VM_MAYSHARE: u32 = 0x80;
export const VM_GROWSDOWN: u32 = 0x100;
export const VM_ACCOUNT: u32 = 0x100000;

/** A mapping. What find_vma looks at comes first: the tree, then the bounds. */
@unmanaged @final
export class VmArea {
  /** Tree of the mm: parent address | color (0 red, 1 black). */
  @guarded("mmap_sem") rb_parent_color: usize;
  /** Tree of the mm: left child, or 0. */
  @guarded("mmap_sem") rb_left: usize;
  /** Tree of the mm: right child, or 0. */
  @guarded("mmap_sem") rb_right: usize;
  /** Next VMA of the mm in order of addresses, or 0. */
  @guarded("mmap_sem") vm_next: usize;
  /** First byte. */
  @guarded("mmap_sem") vm_start: u64;
  /** First byte after it. */
  @guarded("mmap_sem") vm_end: u64;
  /** Offset of vm_start in the file, or vm_start at birth if anonymous; in pages. */
  @guarded("mmap_sem") vm_pgoff: u64;
  /** Protection bits of new PTEs: without RW when private, so that the first write faults. */
  @guarded("mmap_sem") vm_page_prot: u64;
  /** Address space it belongs to. */
  vm_mm: usize;
  /** VM_* bits. */
  @guarded("mmap_sem") vm_flags: u32;
  /** File mapped here (an Inode), or 0. */
  vm_file: usize;
  /** Tree of the file's mappings: parent address | color. */
  @guarded("i_mmap_lock") shared_parent_color: usize;
  /** Tree of the file's mappings: left child, or 0. */
  @guarded("i_mmap_lock") shared_left: usize;
  /** Tree of the file's mappings: right child, or 0. */
  @guarded("i_mmap_lock") shared_right: usize;
  /** Last file page mapped by any VMA of the subtree. */
  @guarded("i_mmap_lock") shared_subtree_last: u64;
  /** Where anonymous pages of this VMA are looked for, or 0: none has been made yet. */
  @guarded("page_table_lock") anon_vma: usize;
  /** Node on anon_vma's list. */
  @guarded("anon_vma.lock") anon_vma_node_next: usize;
  /** See anon_vma_node_next. */
  @guarded("anon_vma.lock") anon_vma_node_prev: usize;
}

@unmanaged @final
export class MmStruct {
  /** First VMA, or 0. */
  @guarded("mmap_sem") mmap: usize;
  /** Root of the VMA tree, or 0. */
  @guarded("mmap_sem") mm_rb: usize;
  /** VMA that find_vma gave last, or 0. A hint: any CPU writes it. */
  @atomic mmap_cache: usize;
  /** Top page table, as the address of its frame. */
  pgd: usize;
  /** Tasks that use the address space. */
  @atomic mm_users: i32;
  /** 1 for all users together, and 1 for each CPU that keeps the tables while idle. */
  @atomic mm_count: i32;
  /** VMAs. */
  @guarded("mmap_sem") map_count: u32;
  /** Spinlock of the page tables, rss, and what else the marks say. */
  @atomic page_table_lock: u32;
  /** The words of mmap_sem, a RwSemaphore; reach it with mm_mmap_sem(). */
  mmap_sem_0: u32;
  /** See mmap_sem_0. */
  mmap_sem_1: u32;
  /** See mmap_sem_0. */
  mmap_sem_2: u32;
  /** See mmap_sem_0. */
  mmap_sem_3: u32;
  /** CPUs whose TLB may hold translations of this mm. */
  @atomic cpu_vm_mask: u64;
  /** Node on the list of all address spaces. */
  @guarded("mmlist_lock") mmlist_next: usize;
  /** See mmlist_next. */
  @guarded("mmlist_lock") mmlist_prev: usize;
  /** Present and counted PTEs, in pages. */
  @guarded("page_table_lock") rss: i32;
  /** Frames used as page tables below the top one. */
  @guarded("page_table_lock") nr_tables: u32;
  /** Size of all VMAs, in pages. */
  @guarded("mmap_sem") total_vm: u32;
  /** Number of this address space since boot, for people. */
  serial: u32;
  /** 1: chosen to be killed for want of memory. */
  @atomic oom_killed: u32;
  /** Where the search for a free range begins, in bytes. */
  @guarded("mmap_sem") free_area_cache: u64;
  /** Start of the heap. */
  @guarded("mmap_sem") start_brk: u64;
  /** End of the heap. */
  @guarded("mmap_sem") brk: u64;
  /** Top of the stack. */
  @guarded("mmap_sem") start_stack: u64;
  /** Who follows this address space (notifier/types.ts), or 0: nobody ever did. */
  @guarded("mmap_sem") mmu_notifier_mm: usize;
  /** anonmm: who this address space is in its lineage, or 0. */
  anonmm: usize;
}

/** The semaphore of the VMA list. */
@inline
export function mm_mmap_sem(mm: MmStruct): RwSemaphore {
  return changetype<RwSemaphore>(changetype<usize>(mm) + offsetof<MmStruct>("mmap_sem_0"));
}

/** Address of page_table_lock. */
@inline
export function mm_ptl(mm: MmStruct): usize {
  return changetype<usize>(mm) + offsetof<MmStruct>("page_table_lock");
}

/** Address of cpu_vm_mask. */
@inline
export function mm_cpu_vm_mask(mm: MmStruct): usize {
  return changetype<usize>(mm) + offsetof<MmStruct>("cpu_vm_mask");
}

/** Address of mm_users. */
@inline
export function mm_users_addr(mm: MmStruct): usize {
  return changetype<usize>(mm) + offsetof<MmStruct>("mm_users");
}

/** Address of mm_count. */
@inline
export function mm_count_addr(mm: MmStruct): usize {
  return changetype<usize>(mm) + offsetof<MmStruct>("mm_count");
}

/** Address of mmap_cache. */
@inline
export function mm_mmap_cache(mm: MmStruct): usize {
  return changetype<usize>(mm) + offsetof<MmStruct>("mmap_cache");
}

/** Address of vma->anon_vma, which faults look at without page_table_lock. */
@inline
export function vma_anon_vma(vma: VmArea): usize {
  return changetype<usize>(vma) + offsetof<VmArea>("anon_vma");
}

/** The node of a VMA on its anon_vma's list. */
@inline
export function vma_anon_node(vma: VmArea): usize {
  return changetype<usize>(vma) + offsetof<VmArea>("anon_vma_node_next");
}

/** The VMA that a node of an anon_vma's list belongs to. */
@inline
export function anon_node_vma(node: usize): VmArea {
  return changetype<VmArea>(node - offsetof<VmArea>("anon_vma_node_next"));
}

/** Pages of a VMA. */
@inline
export function vma_pages(vma: VmArea): u64 {
  return (vma.vm_end - vma.vm_start) >> 12;
}

/** Page offset, in its file or its anonymous object, of `address` inside `vma`. */
@inline
export function linear_page_index(vma: VmArea, address: u64): u64 {
  return ((address - vma.vm_start) >> 12) + vma.vm_pgoff;
}

/** A VMA whose written pages become private to it. */
@inline
export function is_cow_mapping(vm_flags: u32): bool {
  return (vm_flags & (VM_SHARED | VM_MAYWRITE)) == VM_MAYWRITE;
}
