// What a lock is made of: everything that a lock file may import, under one name. A lock of a user says
// `import { ... } from "racier/lock"`, wherever it is compiled: for threads, for the explorer, or for the
// kernel. docs/writing-a-lock.md has a sentence for each; assembly/lab/ is what differs in the lab.

import { cpu_kick } from "./arch/kick";
import { percpu_of } from "./arch/percpu";

export {
  atomic_and,
  atomic_cmpxchg,
  atomic_dec,
  atomic_fetch_add,
  atomic_fetch_and,
  atomic_fetch_or,
  atomic_inc,
  atomic_or,
  atomic_xchg,
  read_once,
  write_once,
} from "./arch/atomic";
export { smp_load_acquire, smp_mb, smp_store_release } from "./arch/barrier";
export { BUG_UNLOCK_OF_FREE_LOCK, bug_on, check_bug_on } from "./arch/bug";
export { smp_processor_id } from "./arch/percpu";
export { cpu_delay, cpu_relax, cpu_wait_while } from "./arch/wait";
export { cpu_sleep_while } from "./lock/sleep";

/** Wakes CPU `id`, which sleeps in cpu_sleep_while(): whoever writes the word that it waits for does this. */
@inline
export function cpu_wake(id: u32): void {
  cpu_kick(percpu_of(id));
}
