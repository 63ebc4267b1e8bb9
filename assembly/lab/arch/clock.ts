// The clock of the lab, in ns from some start. It is the host's and slow to read: docs/lock-lab.md says how
// much that is and what becomes of it.

/** The time now. */
@external("arch", "clock")
export declare function clock(): f64;
