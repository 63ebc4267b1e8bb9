// A page-table entry, x86-64 layout. Entries of all four levels look alike.
//
//   63   62..48  47 .......... 12   11..9  8    7        6  5  4..3  2   1   0
//   NX   -       pfn                -      -    PROTNONE D  A  -     US  RW  P
//
// An entry with P clear is not there for the walker; PROTNONE with P clear is there for the kernel
// (mprotect to nothing keeps the page). The walker sets A and D at any time, so the kernel changes
// live entries atomically.

import {
  atomic_and,
  atomic_fetch_and,
  atomic_or,
  atomic_xchg,
  read_once,
  write_once,
} from "./atomic";
import { FIX_PTE_XCHG, without } from "./fixes";

export const _PAGE_PRESENT: u64 = 0x001;
export const _PAGE_RW: u64 = 0x002;
export const _PAGE_USER: u64 = 0x004;
export const _PAGE_ACCESSED: u64 = 0x020;
export const _PAGE_DIRTY: u64 = 0x040;
export const _PAGE_PROTNONE: u64 = 0x080;
export const _PAGE_NX: u64 = 0x8000000000000000;

export const PTE_PFN_MASK: u64 = 0x0000fffffffff000;
/** Bits that mprotect leaves alone. */
export const _PAGE_CHG_MASK: u64 = PTE_PFN_MASK | _PAGE_ACCESSED | _PAGE_DIRTY;
/** An entry of an upper level: the page table below may hold anything. */
export const _PAGE_TABLE: u64 =
  _PAGE_PRESENT | _PAGE_RW | _PAGE_USER | _PAGE_ACCESSED | _PAGE_DIRTY;

/** Reads an entry. */
@inline
export function pte_read(ptep: usize): u64 {
  return read_once<u64>(ptep);
}

/** Writes an entry that the walker cannot race with: empty before, or flushed. */
@inline
export function set_pte(ptep: usize, pte: u64): void {
  write_once<u64>(ptep, pte);
}

/** There for the kernel: mapped, whether the program may touch it or not. */
@inline
export function pte_present(pte: u64): bool {
  return (pte & (_PAGE_PRESENT | _PAGE_PROTNONE)) != 0;
}

/** The frame of an entry. */
@inline
export function pte_pfn(pte: u64): u32 {
  return <u32>((pte & PTE_PFN_MASK) >> 12);
}

/** An entry for frame `pfn` with protection bits `prot`. */
@inline
export function pfn_pte(pfn: u32, prot: u64): u64 {
  return ((<u64>pfn) << 12) | prot;
}

/** Takes the entry away in one step, so that no A or D bit is lost. */
@inline
export function ptep_get_and_clear(ptep: usize): u64 {
  if (without(FIX_PTE_XCHG)) return get_then_clear(ptep);
  return atomic_xchg<u64>(ptep, 0);
}

/** For machines without FIX_PTE_XCHG: what the walker sets in between is lost. */
function get_then_clear(ptep: usize): u64 {
  const pte = read_once<u64>(ptep);
  write_once<u64>(ptep, 0);
  return pte;
}

/** Takes the accessed bit of a live entry away; true if it was set. */
@inline
export function ptep_clear_young(ptep: usize): bool {
  if ((read_once<u64>(ptep) & _PAGE_ACCESSED) == 0) return false;
  return (atomic_fetch_and<u64>(ptep, ~_PAGE_ACCESSED) & _PAGE_ACCESSED) != 0;
}

/** Write-protects a live entry. */
@inline
export function ptep_set_wrprotect(ptep: usize): void {
  atomic_and<u64>(ptep, ~_PAGE_RW);
}

/** Sets bits of a live entry. */
@inline
export function ptep_set_bits(ptep: usize, bits: u64): void {
  atomic_or<u64>(ptep, bits);
}
