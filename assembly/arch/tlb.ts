// The software TLB of one CPU: 128 sets of 4 ways. An entry stays until it is flushed or its way is
// reused, whatever happens to the page tables: stale entries are the point. Only the CPU itself
// touches its TLB.
//
//   entry   tag: u64 = vpn (52 bits) << 12 | generation (12 bits)      pte: u64, as the walker read it
//
// The vpn is that of all 64 bits of an address, so that one beyond the reach of the page tables
// hits nothing. A full flush counts the generation up; when its 12 bits are used up the TLB is
// really cleared. Left out: large pages, global entries, address-space ids (a switch of mm flushes,
// as x86-64 did).

import { memset } from "./memory";
import {
  PERCPU_TLB,
  PerCpu,
  TLB_ENTRY_SIZE,
  TLB_GENERATION_MAX,
  TLB_SETS,
  TLB_WAYS,
  this_cpu,
  this_cpu_base,
} from "./percpu";

if (TLB_GENERATION_MAX != 4095) ERROR("the generation takes the place of the page offset in a tag");

@inline
function tlb_tag(cpu: PerCpu, address: u64): u64 {
  return (address & ~(<u64>TLB_GENERATION_MAX)) | <u64>cpu.tlb_generation;
}

@inline
function tlb_set(address: u64): usize {
  const set = <u32>(address >> 12) & (TLB_SETS - 1);
  return this_cpu_base() + PERCPU_TLB + set * (TLB_WAYS * TLB_ENTRY_SIZE);
}

/** Address of the entry for `address`, or 0. */
@inline
export function tlb_lookup(address: u64): usize {
  const tag = tlb_tag(this_cpu(), address);
  const set = tlb_set(address);
  if (load<u64>(set) == tag) return set;
  if (load<u64>(set, 16) == tag) return set + 16;
  if (load<u64>(set, 32) == tag) return set + 32;
  if (load<u64>(set, 48) == tag) return set + 48;
  return 0;
}

/** The translation that an entry holds. */
@inline
export function tlb_pte(entry: usize): u64 {
  return load<u64>(entry, 8);
}

/** Enters a translation; replaces the entry of the same page, else the ways in turn. */
export function tlb_fill(address: u64, pte: u64): void {
  const cpu = this_cpu();
  let entry = tlb_lookup(address);
  if (entry == 0) {
    entry = tlb_set(address) + (cpu.tlb_victim++ & (TLB_WAYS - 1)) * TLB_ENTRY_SIZE;
    store<u64>(entry, tlb_tag(cpu, address));
  }
  store<u64>(entry, pte, 8);
}

/** Forgets the translation of one page: invlpg. */
export function local_flush_tlb_one(address: u64): void {
  const entry = tlb_lookup(address);
  if (entry != 0) store<u64>(entry, 0);
}

/** Forgets all translations: a load of cr3. */
export function local_flush_tlb(): void {
  const cpu = this_cpu();
  cpu.tlb_flushes++;
  if (cpu.tlb_generation == TLB_GENERATION_MAX) {
    memset(this_cpu_base() + PERCPU_TLB, 0, TLB_SETS * TLB_WAYS * TLB_ENTRY_SIZE);
    cpu.tlb_generation = 0;
  }
  cpu.tlb_generation++;
}
