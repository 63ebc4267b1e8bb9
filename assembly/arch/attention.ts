// Bits of a CPU's attention word: why somebody wants it to look up. Served at every entry from a
// program and in every wait loop (arch/ipi.ts).

/** A TLB invalidation waits for this CPU. */
export const ATTENTION_TLB: u32 = 1;
/** The machine has stopped. */
export const ATTENTION_PANIC: u32 = 2;
/** The host wants this CPU back in its event loop; served by the idle loop. */
export const ATTENTION_HOST: u32 = 4;
/** A grace period waits for this CPU, or callbacks of it do; served in quiescent states (lock/rcu.ts). */
export const ATTENTION_RCU: u32 = 8;
/** kswapd is wanted on this CPU; it runs where callbacks of RCU do (mm/kswapd.ts). */
export const ATTENTION_KSWAPD: u32 = 16;
/** The free objects that this CPU keeps are wanted back; served where ATTENTION_TLB is (arch/call_function.ts). */
export const ATTENTION_DRAIN: u32 = 64;
/** rcu_barrier waits for the callbacks of this CPU (lock/rcu.ts). */
export const ATTENTION_RCU_BARRIER: u32 = 128;
/** A process that may run here was chosen to be killed (mm/oom_kill.ts). */
export const ATTENTION_KILL: u32 = 32;
