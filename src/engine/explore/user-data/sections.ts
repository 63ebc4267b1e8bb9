// Which addresses a syscall or access of a program concerns, by its name and arguments, and what mremap
// does to an address space.

import type { MmapOptions, MremapOptions } from "../../../syscall/memory.ts";
import type { Range, Sort } from "./operations.ts";
import { widthOf } from "./accesses.ts";
import { PAGE_BYTES, partOf, type AddressSpace } from "./space.ts";

const SORTS: Readonly<Record<string, Sort>> = {
  ...{ touch: "write", copy: "write", munmap: "drop", madviseDontneed: "drop" },
  ...{ mprotect: "keep", fork: "keep", exec: "keep", createFile: "keep" },
  ...{ mmap: "change", mremap: "change", brk: "change" },
};

/** A length in whole pages. */
export const pageAlign = (bytes: number): number => Math.ceil(bytes / PAGE_BYTES) * PAGE_BYTES;

/** What a method of a task does with memory; undefined: nothing. */
export function sortOf(name: string, args: readonly unknown[]): Sort | undefined {
  if (widthOf(name) > 0) return name.startsWith("load") ? "load" : "write";
  if (name === "touch" && args[2] === "read") return "load";
  return SORTS[name];
}

/** The ranges that a method concerns, what it writes first. `brk`: where the heap ends now. */
export function rangesOf(name: string, args: readonly unknown[], brk: number): Range[] {
  const [a = 0, b = 0, c = 0] = args as number[];
  const width = widthOf(name);
  if (width > 0) return [rangeOf(a, width)];
  if (name === "touch") return [rangeOf(a, b)];
  if (name === "copy") return [rangeOf(a, c), rangeOf(b, c)];
  if (/^(munmap|madviseDontneed|mprotect)$/.test(name)) return [rangeOf(a, pageAlign(b))];
  if (name === "fork") return [{ start: 0, end: Infinity }];
  if (name === "mmap") {
    const { hint = 0, length } = args[0] as MmapOptions;
    return hint === 0 ? [] : [rangeOf(hint, pageAlign(length))];
  }
  if (name === "mremap") {
    const { fixedAt } = (args[3] ?? {}) as MremapOptions;
    const source = rangeOf(a, Math.max(pageAlign(b), pageAlign(c)));
    return fixedAt === undefined ? [source] : [source, rangeOf(fixedAt, pageAlign(c))];
  }
  if (name !== "brk" || a === 0 || pageAlign(a) === pageAlign(brk)) return [];
  return [{ start: pageAlign(Math.min(a, brk)), end: pageAlign(Math.max(a, brk)) }];
}

const rangeOf = (start: number, length: number): Range => ({ start, end: start + length });

/** mremap has returned `to`. */
export function moveMapping(
  space: AddressSpace,
  sizes: { readonly start: number; readonly oldLength: number; readonly newLength: number },
  to: number,
): void {
  const { start, oldLength, newLength } = sizes;
  if (newLength < oldLength) space.unmap(start + newLength, start + oldLength);
  const kept = Math.min(oldLength, newLength);
  if (to !== start) {
    space.unmap(to, to + newLength);
    space.move(start, to, kept);
  }
  const last = space.find(to + kept - 1);
  if (newLength > kept && last !== undefined) {
    space.map(partOf({ ...last, growsDown: false }, to + kept, to + newLength));
  }
}
