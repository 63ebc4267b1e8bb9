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

/** Waits `rounds` times for all callbacks of all CPUs, and leaves slabs of anon_vmas to be freed in between. */
export function barrier(task, rounds) {
  const { k } = task.cpu;
  for (let done = 0; done < rounds; done++) {
    const at = task.mmap({ length: 4096, read: true, write: true });
    task.touch(at, 4096);
    task.munmap(at, 4096);
    k.kmem_cache_reap_all();
    k.rcu_barrier();
  }
  return rounds;
}
