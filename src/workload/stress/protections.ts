// Protections of pages, in the words of the model, of syscalls and of the kernel.

import { VM_EXEC, VM_READ, VM_WRITE } from "../../layout/structs.gen.ts";
import type { Protection } from "../../mm/map.ts";
import type { Actor } from "./actor.ts";
import { PAGE_EXEC, PAGE_READ, PAGE_WRITE } from "./region.ts";

const PROTECTIONS: readonly (readonly [bits: number, weight: number])[] = [
  [PAGE_READ | PAGE_WRITE, 62],
  [PAGE_READ, 14],
  [PAGE_READ | PAGE_WRITE | PAGE_EXEC, 6],
  [PAGE_READ | PAGE_EXEC, 5],
  [PAGE_WRITE, 5],
  [0, 8],
];

/** A protection: PAGE_READ and the like. */
export const randomProtection = (actor: Actor): number => actor.random.weighted(PROTECTIONS);

/** PAGE_* bits as the options of a syscall. */
export const protectionOf = (bits: number): Required<Protection> => ({
  read: (bits & PAGE_READ) !== 0,
  write: (bits & PAGE_WRITE) !== 0,
  exec: (bits & PAGE_EXEC) !== 0,
});

/** PAGE_* bits of VM_* flags. */
export const protectionBits = (vmFlags: number): number =>
  (vmFlags & VM_READ ? PAGE_READ : 0) |
  (vmFlags & VM_WRITE ? PAGE_WRITE : 0) |
  (vmFlags & VM_EXEC ? PAGE_EXEC : 0);
