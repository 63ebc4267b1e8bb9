// The exports of a kernel, with types. What each does is documented where it is defined, in
// assembly/. Addresses of kernel objects are signed 32-bit numbers; virtual addresses, lengths and
// offsets are bytes, exact below 2^53.

/** Every function that the host calls. */
export interface KernelCalls {
  boot_machine(
    cpus: number,
    lowmemPfns: number,
    highmemPfns: number,
    spinLimit: number,
    oversubscribed: number,
  ): number;
  min_lowmem_pfns(highmemPfns: number): number;
  attach_disk(blocks: number, backed: number): number;

  cpu_idle(kicks: number): void;
  cpu_kicks(): number;
  cpu_kick(percpu: number): void;
  enter_rest(): void;
  leave_lazy(): void;
  take_interrupts(): void;
  synchronize_kernel(): void;
  rcu_barrier(): void;
  rcu_drain(): void;
  has_fix(fix: number): number;
  send_ipi(percpu: number, reason: number): void;
  local_flush_tlb(): void;
  flush_tlb_mm(mm: number): void;
  phase_enter(phase: number): number;
  phase_leave(previous: number): void;
  phase_reset(): void;
  phase_time(phase: number): number;
  panic(rule: number, object: number, value: number): void;

  spin_lock(lock: number): void;
  spin_trylock(lock: number): number;
  spin_unlock(lock: number): void;
  anon_vma_lock_write(lock: number): void;
  i_mmap_lock_write(lock: number): void;
  spin_lock_ptl(lock: number): void;
  anon_vma_unlock_write(lock: number): void;
  i_mmap_unlock_write(lock: number): void;
  spin_unlock_ptl(lock: number): void;
  spin_is_locked(lock: number): number;
  bit_spin_lock(mask: number, word: number): void;
  bit_spin_trylock(mask: number, word: number): number;
  bit_spin_unlock(mask: number, word: number): void;
  init_rwsem(sem: number): void;
  down_read(sem: number): void;
  down_read_trylock(sem: number): number;
  up_read(sem: number): void;
  down_write(sem: number): void;
  down_write_trylock(sem: number): number;
  up_write(sem: number): void;
  downgrade_write(sem: number): void;
  mutex_init(mutex: number): void;
  mutex_lock(mutex: number): void;
  mutex_trylock(mutex: number): number;
  mutex_unlock(mutex: number): void;
  lock_page(page: number): void;
  trylock_page(page: number): number;
  unlock_page(page: number): void;
  wait_on_page_writeback(page: number): void;

  alloc_pages(gfp: number, order: number): number;
  free_pages(page: number, order: number): void;
  put_page(page: number): void;
  drain_local_pages(): void;
  kmem_cache_alloc(cache: number): number;
  kmem_cache_free(cache: number, object: number): void;
  kmem_cache_destroy(cacheId: number): number;
  kmem_cache_reap_all(): void;
  kmem_cache_drain_others(): void;
  pte_chain_drain(): void;
  lru_add_drain(): void;
  activate_page(page: number): void;
  try_to_free_pages(gfp: number): number;
  kswapd(): void;
  shrink_page(page: number): number;
  try_to_unmap(page: number): number;
  swapon(pages: number, prio: number): number;
  swapoff_begin(type: number): number;
  swapoff_abort(type: number): void;
  swapoff_end(type: number): void;
  swap_count(entry: number): number;
  swap_duplicate(entry: number): number;
  swap_free(entry: number): void;
  add_to_swap(page: number): number;
  delete_from_swap_cache(page: number): void;
  lookup_swap_cache(entry: number): number;
  swap_writepage(page: number): void;
  try_to_unuse(type: number): number;
  unuse_next_gone(type: number): number;
  set_page_dirty(page: number): void;
  rmap_missing(address: number): number;
  page_referenced(page: number, isLocked: number): number;
  follow_page(address: number): number;
  page_mapcount(page: number): number;
  page_of_pfn(pfn: number): number;

  mm_alloc(): number;
  mm_alloc_child(parent: number): number;
  mm_get_user(mm: number): void;
  mm_put_user(mm: number): number;
  mmdrop(mm: number): void;
  vma_alloc(): number;
  vma_dup(vma: number): number;
  vma_free(vma: number): void;
  exit_mmap_tables(mm: number): number;
  copy_page_range(dstMm: number, srcMm: number, vma: number): number;
  copy_pte_range(mm: number, dstPte: number, srcPte: number, count: number, vmFlags: number): void;
  zap_pte_range(first: number, count: number): void;
  tlb_gather_mmu(mm: number, fullmm: number): void;
  tlb_finish_mmu(): void;
  unmap_region(mm: number, start: number, end: number, floor: number, ceiling: number): void;
  zap_page_range(mm: number, start: number, end: number): void;
  change_protection(mm: number, start: number, end: number, vmFlags: number): void;
  move_page_tables(vma: number, from: number, to: number, length: number): number;

  vma_tree_insert(mm: number, vma: number): void;
  vma_tree_erase(mm: number, vma: number, prev: number): void;
  find_vma(mm: number, address: number): number;
  find_vma_before(mm: number, address: number): number;
  get_unmapped_area(mm: number, length: number, hint: number): number;
  free_area_lower(mm: number, start: number): void;
  vma_set_page_prot(vma: number): void;
  anon_vma_prepare(vma: number): number;
  anon_vma_link(vma: number): void;
  anon_vma_unlink(vma: number): void;
  __anon_vma_link(vma: number): void;
  __anon_vma_merge(vma: number, next: number): void;
  vma_link_file(vma: number): void;
  vma_unlink_file(vma: number): void;
  __vma_link_file(vma: number): void;
  __vma_unlink_file(vma: number): void;

  inode_alloc(kind: number, seed: number, sizeBytes: number, ino: number): number;
  inode_get(inode: number): void;
  inode_put(inode: number): void;
  do_truncate(inode: number, sizeBytes: number): void;
  inode_references(inode: number): number;
  inode_is_open(inode: number): number;
  inode_close(inode: number): number;
  fget(handle: number): number;
  inode_size(inode: number): number;
  read_cache_page(inode: number, index: number): number;
  page_content(page: number): number;
  seed_word(seed: number, index: number, word: number): number;

  task_alloc(parent: number, mm: number, program: number): number;
  task_exit(task: number, exitCode: number): void;
  task_free(task: number): void;
  wait_task_zombie(parent: number): number;
  has_children(parent: number): number;
  wake_up_new_task(task: number, cpu: number): void;
  pick_next_task(): number;
  switch_to(task: number): void;
  drop_lazy_mm(): void;

  user_load8(address: number): number;
  user_load16(address: number): number;
  user_load32(address: number): number;
  user_load64(address: number): bigint;
  user_store8(address: number, value: number): void;
  user_store16(address: number, value: number): void;
  user_store32(address: number, value: number): void;
  user_store64(address: number, value: bigint): void;
  user_touch(start: number, length: number, write: number): number;
  user_copy(dst: number, src: number, length: number): number;
  take_fault_signal(): number;

  get_task_mm(task: number): number;
  mmget_not_zero(mm: number): number;
  mmgrab(mm: number): void;
  use_mm(task: number, mm: number): void;
  unuse_mm(task: number): void;
  get_user_page(mm: number, address: number, write: number): number;
  mmu_notifier_register(notifier: number, mm: number): number;
  mmu_notifier_unregister(notifier: number): number;
  client_alloc(bytes: number): number;
  client_free(block: number): void;
  client_of_mm(mm: number): number;
  client_queue_init(queue: number): void;
  client_sleep(queue: number, word: number, seen: number): void;
  client_wake(queue: number): void;
  client_spin(word: number, seen: number): void;
  client_might_sleep(): void;
  client_zap_page_range(mm: number, start: number, end: number): number;
  client_down_read_both(mine: number, other: number): number;
  client_up_read_both(mine: number, other: number): void;
  client_fetch_add(word: number, delta: number): number;
  client_cmpxchg(word: number, expected: number, value: number): number;
  client_read(word: number): number;
  secondary_load32(entry: number, offset: number, tagAt: number, tag: number): number;
  secondary_store32(
    entry: number,
    offset: number,
    value: number,
    tagAt: number,
    tag: number,
  ): number;
  secondary_load64(entry: number, offset: number, tagAt: number, tag: number): bigint;
  secondary_missed(): number;
  secondary_store64(
    entry: number,
    offset: number,
    value: bigint,
    tagAt: number,
    tag: number,
  ): number;
  secondary_walk_load32(notifier: number, address: number): number;
  secondary_walk_store32(notifier: number, address: number, value: number): number;
  secondary_walk_load64(notifier: number, address: number): bigint;
  secondary_walk_store64(notifier: number, address: number, value: bigint): number;
  secondary_set(entry: number, value: number): void;
  secondary_clear(entry: number): number;
  secondary_clear_young(entry: number): number;
  flush_secondary(): void;
}
