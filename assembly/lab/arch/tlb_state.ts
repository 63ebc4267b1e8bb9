// Lazy TLB, for who sleeps (lock/sleep.ts): the lab translates no addresses.

/** Nothing to promise. */
@inline
export function enter_lazy(): void {}

/** See enter_lazy. */
@inline
export function leave_lazy(): void {}
