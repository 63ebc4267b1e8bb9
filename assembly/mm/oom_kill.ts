// Who dies when nothing is left. Linux: badness, select_bad_process and out_of_memory, mm/oom_kill.c of 2.6.9.
//
// A fault that found no frame, after reclaim, some times in a row (page_fault.ts), kills the process that would set
// most free: of those that run on some CPU, the one with the most pages in memory or in swap; all its threads, since
// they share the mm. It ends at its next access: the mark is looked at where a translation is not in the TLB, and its
// CPUs are told to empty theirs. The reason stays in VmControl. Syscalls are refused with ENOMEM instead, and kill
// nobody.
//
// Left out: run time, niceness and privileges, which badness weighs; processes that do not run, since those wait
// below another one on their CPU and would not end first.

import { atomic_and, atomic_inc, atomic_or, read_once, write_once } from "../arch/atomic";
import { ATTENTION_KILL } from "../arch/attention";
import { boot } from "../arch/boot_params";
import { send_ipi } from "../arch/kick";
import { PerCpu, percpu_attention, percpu_of, this_cpu } from "../arch/percpu";
import { local_flush_tlb } from "../arch/tlb";
import { TRACE_OOM_KILL, trace } from "../arch/trace";
import { list_next } from "../lib/list";
import { spin_lock, spin_unlock } from "../lock/spinlock";
import { MMLIST, MMLIST_LOCK, mmlist_mm } from "./mm";
import { MmStruct } from "./mm_types";
import { VM_CONTROL, VmControl, vm_control } from "./reclaim";
import { nr_swap_pages } from "./swap_types";
import { ZONE_HIGHMEM, ZONE_NORMAL, zone_of } from "./zone";

/** True if a program with that mm runs on some CPU now. */
function is_running(mm: MmStruct): bool {
  for (let id: u32 = 0; id < boot().nr_cpus; id++) {
    const cpu = percpu_of(id);
    const active = read_once<usize>(changetype<usize>(cpu) + offsetof<PerCpu>("active_mm"));
    const current = read_once<usize>(changetype<usize>(cpu) + offsetof<PerCpu>("current"));
    if (active == changetype<usize>(mm) && current != 0) return true;
  }
  return false;
}

/** How much would be free without it: pages it has mapped, and has in swap. */
function badness(mm: MmStruct): u32 {
  const rss = read_once<i32>(changetype<usize>(mm) + offsetof<MmStruct>("rss"));
  const total = read_once<u32>(changetype<usize>(mm) + offsetof<MmStruct>("total_vm"));
  return (rss > 0 ? <u32>rss : 0) + total / 16;
}

/** The worst of all; mmlist_lock is held. */
function select_bad_mm(): MmStruct {
  let worst = changetype<MmStruct>(0);
  let most: u32 = 0;
  for (let node = list_next(MMLIST); node != MMLIST; node = list_next(node)) {
    const mm = mmlist_mm(node);
    if (!is_running(mm)) continue;
    const points = badness(mm) + 1;
    if (points <= most) continue;
    most = points;
    worst = mm;
  }
  return worst;
}

/** Writes down why. */
function report(mm: MmStruct): void {
  const control = vm_control();
  control.oom_serial = mm.serial;
  control.oom_badness = badness(mm);
  control.oom_free = zone_of(ZONE_NORMAL).free_pages + zone_of(ZONE_HIGHMEM).free_pages;
  control.oom_swap = <u32>nr_swap_pages();
  atomic_inc(VM_CONTROL + offsetof<VmControl>("oom_kills"));
  trace(TRACE_OOM_KILL, mm.serial, changetype<usize>(mm));
}

/** Address of mm->oom_killed. */
@inline
export function mm_oom_killed(mm: MmStruct): usize {
  return changetype<usize>(mm) + offsetof<MmStruct>("oom_killed");
}

/** True if the process was chosen. */
@inline
export function is_killed(mm: MmStruct): bool {
  return read_once<u32>(mm_oom_killed(mm)) != 0;
}

/** Marks the worst process; false if there is none, or it was marked before. No lock is held. */
export function out_of_memory(): bool {
  spin_lock(MMLIST_LOCK);
  const mm = select_bad_mm();
  const fresh = changetype<usize>(mm) != 0 && !is_killed(mm);
  if (fresh) {
    // RELAXED. Whoever misses it now is told by the interrupt below, or looks at his next fault.
    write_once<u32>(mm_oom_killed(mm), 1);
    report(mm);
  }
  spin_unlock(MMLIST_LOCK);
  if (!fresh) return false;
  for (let id: u32 = 0; id < boot().nr_cpus; id++) {
    const cpu = percpu_of(id);
    if (cpu != this_cpu()) send_ipi(cpu, ATTENTION_KILL);
    else atomic_or<u32>(percpu_attention(cpu), ATTENTION_KILL);
  }
  return true;
}

/** True if this CPU was told that somebody is to die. */
@inline
export function kill_pending(): bool {
  return (read_once<u32>(percpu_attention(this_cpu())) & ATTENTION_KILL) != 0;
}

/** The program's next access is walked, and so it is seen that it was chosen. */
export function take_kill(): void {
  atomic_and<u32>(percpu_attention(this_cpu()), ~ATTENTION_KILL);
  local_flush_tlb();
}
