// Kinds of locks, in the low bits of a lock's name: those of lock/lock_class.ts. The lab has no classes.

export const LOCK_IS_SLEEPING: usize = 1;
export const LOCK_IS_BIT: usize = 2;
