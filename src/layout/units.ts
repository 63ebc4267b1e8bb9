// Units as types. A bare number gets its unit here and nowhere else.

declare const unit: unique symbol;
type Unit<Name extends string> = number & { readonly [unit]: Name };

/** Page frame number: physical address divided by the page size. */
export type Pfn = Unit<"pfn">;
/** Virtual address of a process, in bytes; below 2^47. */
export type Vaddr = Unit<"vaddr">;
/** Address of a kernel object: a wasm address, in bytes. 0 is NULL. */
export type Kaddr = Unit<"kaddr">;
/** A count of pages. */
export type Pages = Unit<"pages">;
/** A count of bytes. */
export type Bytes = Unit<"bytes">;
/** Real time, measured. */
export type Nanoseconds = Unit<"nanoseconds">;

export const PAGE_SHIFT = 12;
/** Bytes in a page. */
export const PAGE_SIZE = 4096;

/** Gives a bare number a unit. */
export const pfn = (n: number): Pfn => n as Pfn;
/** Gives a bare number a unit. */
export const vaddr = (n: number): Vaddr => n as Vaddr;
/** Gives a bare number a unit. */
export const kaddr = (n: number): Kaddr => n as Kaddr;
/** Gives a bare number a unit. */
export const pages = (n: number): Pages => n as Pages;
/** Gives a bare number a unit. */
export const bytes = (n: number): Bytes => n as Bytes;
/** Gives a bare number a unit. */
export const nanoseconds = (n: number): Nanoseconds => n as Nanoseconds;
