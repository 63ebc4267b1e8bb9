// Units as types. A bare number gets its unit here and nowhere else. Left out: units that no
// interface needs yet.

declare const unit: unique symbol;
/** A number with a unit, which a bare number cannot be taken for; it is a number wherever one is wanted. */
export type Unit<Name extends string> = number & { readonly [unit]: Name };

/** Virtual address of a process, in bytes; below 2^47. */
export type Vaddr = Unit<"vaddr">;

/** Bytes in a page. */
export const PAGE_SIZE = 4096;

/** Gives a bare number a unit. */
export const vaddr = (n: number): Vaddr => n as Vaddr;
