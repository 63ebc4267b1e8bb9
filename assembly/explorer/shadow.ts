// The shadow of the machine's memory: one bit for each 8 bytes, set while nobody may touch them, as the
// allocators of the kernel say (assembly/check/shadow.ts). It is undone with the memory it describes.
// Who may touch marked memory all the same is said by the class of the code that an access stands in.

import { MAX_SITES, shadow_at, site_classes } from "./layout";
import { remember_range } from "./undo";

/** Code that keeps to the shadow; also code of the host, which has no site. */
export const CLASS_KERNEL: u32 = 0;
/** The slab allocator: it keeps its books in slabs, and knows what is free. */
export const CLASS_ALLOCATOR: u32 = 1;
/** Accesses of programs, through the TLB: as forbidden, but another mistake. */
export const CLASS_USER: u32 = 2;

/** Bits of the classes that are checked. */
let checked: u32 = 0;

/** The access that was forbidden last: kind, size and site; 0: none. */
let forbidden_meta: u32 = 0;
let forbidden_addr: u32 = 0;
let was_forbidden: bool = false;

/** Checks accesses of the classes whose bits are set; 0: none, and no shadow is kept. */
export function configure_shadow(classes: u32): void {
  checked = classes;
}

/** Where the class of each site is to be written, a byte each. */
export function site_classes_address(): usize {
  return site_classes();
}

/** Sites that can have a class. */
export function max_sites(): u32 {
  return MAX_SITES;
}

/** Begins an execution. */
export function begin_shadow(): void {
  was_forbidden = false;
}

/** True when the execution ended with a forbidden access. */
export function get_was_forbidden(): bool {
  return was_forbidden;
}

/** Kind, size and site of the forbidden access. */
export function get_forbidden_meta(): u32 {
  return forbidden_meta;
}

/** The first byte of the forbidden access that may not be touched, or the 8 bytes that it lies in. */
export function get_forbidden_address(): u32 {
  return forbidden_addr;
}

function fill(first: usize, bytes: u32, bits: u8): void {
  const word: u64 = bits == 0 ? 0 : 0xffffffffffffffff;
  let i: u32 = 0;
  for (; i + 8 <= bytes; i += 8) store<u64>(first + i, word);
  for (; i < bytes; i++) store<u8>(first + i, bits);
}

/** In place of the kernel's shadow_mark(). */
export function mark(addr: u32, size: u32, addressable: u32): void {
  if (checked == 0) return;
  const bits: u8 = addressable != 0 ? 0 : 0xff;
  const first = shadow_at(addr);
  const whole = size >> 6;
  remember_range(<u32>first, (size + 63) >> 6);
  fill(first, whole, bits);
  const rest = (size & 63) + 7 >> 3;
  if (rest == 0) return;
  const mask = <u8>(((<u32>1) << rest) - 1);
  store<u8>(first + whole, (load<u8>(first + whole) & ~mask) | (bits & mask));
}

/** True for a byte that nobody may touch. */
@inline
export function is_marked(addr: u32): bool {
  return ((<u32>load<u8>(shadow_at(addr)) >> ((addr >> 3) & 7)) & 1) != 0;
}

/** True when the code that a marked access stands in may not touch it; notes what was done. */
export function is_forbidden(meta: u32, addr: u32): bool {
  const site = meta >> 8;
  const of_site: u32 = site < MAX_SITES ? load<u8>(site_classes() + site) : CLASS_KERNEL;
  if (((checked >> of_site) & 1) == 0) return false;
  forbidden_meta = meta;
  forbidden_addr = addr;
  was_forbidden = true;
  return true;
}

/** is_forbidden() for the first marked byte of a range. */
export function is_range_forbidden(meta: u32, addr: u32, size: u32): bool {
  const end = addr + size;
  let at = addr;
  while (at < end) {
    if ((at & 63) == 0 && load<u8>(shadow_at(at)) == 0) {
      at += 64;
      continue;
    }
    if (is_marked(at)) return is_forbidden(meta, at);
    at = (at | 7) + 1;
  }
  return false;
}
