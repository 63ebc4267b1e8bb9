// Quiescent states of the kernel's RCU, for who sleeps (lock/sleep.ts): the lab's RCU-protected data
// (lock/rcu_data.ts) counts its readers itself.

/** Nobody waits for one. */
@inline
export function rcu_quiescent(): void {}
