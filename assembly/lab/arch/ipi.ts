// Interrupts between CPUs, which the lab does not have: a wait serves nobody, and nothing is to be turned
// off. The kernel's are in arch/ipi.ts.

/** Nobody interrupts. */
@inline
export function serve_ipis(): void {}

/** See serve_ipis. */
@inline
export function interruptible(): void {}

/** There are none to turn off. */
@inline
export function local_irq_disable(): void {}

/** See local_irq_disable. */
@inline
export function local_irq_enable(): void {}
