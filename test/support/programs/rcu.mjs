// Programs that wait for grace periods of RCU, and use memory in between.

/** Waits `rounds` times for a grace period; every other time it leaves slabs of anon_vmas to be freed. */
export function synchronize(task, rounds) {
  const { k } = task.cpu;
  const at = task.mmap({ length: 64 * 4096, read: true, write: true });
  let done = 0;
  for (; done < rounds; done++) {
    task.touch(at, 64 * 4096);
    if (done % 2 === 0) {
      task.munmap(at + (done % 64) * 4096, 4096);
      task.mmap({
        length: 4096,
        hint: at + (done % 64) * 4096,
        fixed: true,
        read: true,
        write: true,
      });
      k.kmem_cache_reap_all();
    }
    k.synchronize_kernel();
  }
  return done;
}
