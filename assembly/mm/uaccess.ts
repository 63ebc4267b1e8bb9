// What a program does with memory: loads, stores, copies, touches. Every access goes TLB, walker,
// fault. An access that ends in a signal leaves it in the per-CPU area (fault_signal) and returns
// 0. Frames without content read as zeros. Accesses are aligned to their size, so none crosses a
// page; others raise SIGBUS, as on machines that cannot do them.

import {
  TRANSLATE_FAULT,
  TRANSLATE_NO_CONTENT,
  begin_access,
  translate,
  translate_cached,
  translate_more,
} from "../arch/mmu";
import { memcpy, memset } from "../arch/memory";
import { this_cpu } from "../arch/percpu";
import { PAGE_SIZE } from "../arch/memory_map";
import { read_once, write_once } from "../arch/atomic";
import { SIGBUS, raise_signal } from "./page_fault";

@inline
function usable(at: usize): bool {
  return at != TRANSLATE_FAULT && at != TRANSLATE_NO_CONTENT;
}

@inline
function misaligned<T>(address: u64): bool {
  return sizeof<T>() > 1 && (<u32>address & (<u32>sizeof<T>() - 1)) != 0;
}

/** Loads one value of the program. */
@inline
export function user_load<T>(address: u64): T {
  if (misaligned<T>(address)) {
    raise_signal(SIGBUS, address, false);
    return <T>0;
  }
  const at = translate(address, false);
  return usable(at) ? read_once<T>(at) : <T>0;
}

/** Stores one value of the program. */
@inline
export function user_store<T>(address: u64, value: T): void {
  if (misaligned<T>(address)) {
    raise_signal(SIGBUS, address, true);
    return;
  }
  const at = translate(address, true);
  if (usable(at)) write_once<T>(at, value);
}

/**
 * Touches one word of each page of [start, start + length): reads it, or writes a word derived from
 * its address.
 */
export function user_touch(start: u64, length: u64, write: bool): u64 {
  const end = start + length;
  let address = start;
  while (address < end) {
    const at = translate(address, write);
    if (at == TRANSLATE_FAULT) return address - start;
    const word = <u32>(address >> 12);
    if (write && at != TRANSLATE_NO_CONTENT) write_once<u32>(at & ~(<usize>3), word);
    address = (address & ~(<u64>(PAGE_SIZE - 1))) + PAGE_SIZE;
  }
  return length;
}

/** Copies within one page on each side; false when an access raised a signal. */
function copy_chunk(dst: u64, src: u64, size_bytes: usize): bool {
  begin_access();
  while (true) {
    // First the source, as the string instructions do: where it cannot be read, nothing is written.
    if (translate_more(src, false) == TRANSLATE_FAULT) return false;
    const to = translate_more(dst, true);
    if (to == TRANSLATE_FAULT) return false;
    // The way to the target may have copied the page that the source lies in too, or taken an
    // interrupt that flushed it: look again, taking none.
    const from = translate_cached(src, false);
    if (from == TRANSLATE_FAULT) continue;
    if (to == TRANSLATE_NO_CONTENT) return true;
    if (from == TRANSLATE_NO_CONTENT) memset(to, 0, size_bytes);
    else memcpy(to, from, size_bytes);
    return true;
  }
}

/** Copies inside the program's memory; returns how many bytes were done before a signal. */
export function user_copy(dst: u64, src: u64, length: u64): u64 {
  let done: u64 = 0;
  while (done < length) {
    const src_left = PAGE_SIZE - (<u32>(src + done) & (PAGE_SIZE - 1));
    const dst_left = PAGE_SIZE - (<u32>(dst + done) & (PAGE_SIZE - 1));
    let chunk = <u64>(src_left < dst_left ? src_left : dst_left);
    if (chunk > length - done) chunk = length - done;
    if (!copy_chunk(dst + done, src + done, <usize>chunk)) return done;
    done += chunk;
  }
  return done;
}

/** The signal that the last access raised, or 0; forgets it. */
export function take_fault_signal(): u32 {
  const cpu = this_cpu();
  const signal = cpu.fault_signal;
  cpu.fault_signal = 0;
  return signal;
}
