// The trap: from a faulting address to handle_mm_fault or to a signal. Linux: do_page_fault,
// arch/x86_64/mm/fault.c, and expand_stack, mm/mmap.c of 2.6.9. Left out: fix-ups for the kernel's
// own accesses to user memory, which cannot fault here.

import { MmStruct, VM_GROWSDOWN, VM_READ, VM_WRITE, VmArea, mm_mmap_sem } from "./mm_types";
import { VM_EXEC } from "./mm_types";
import { FIX_MMAP_SEM, without } from "../arch/fixes";
import { PHASE_FAULTS, phase_enter, phase_leave } from "../arch/phase";
import { this_cpu } from "../arch/percpu";
import { TRACE_FAULT, TRACE_SIGNAL, trace } from "../arch/trace";
import { down_read, up_read } from "../lock/mmap_sem";
import { cpu_nap } from "../lock/sleep";
import { Task } from "../sched/task";
import { anon_vma_prepare, lock_ptl_and_anon_vma, unlock_ptl_and_anon_vma } from "./anon_vma";
import { VM_FAULT_MINOR, VM_FAULT_OOM, handle_mm_fault } from "./fault";
import { is_killed, out_of_memory } from "./oom_kill";
import { is_reclaiming } from "./reclaim";
import { find_vma, find_vma_before } from "./vma_tree";

export const SIGKILL: u32 = 9;
export const SIGBUS: u32 = 7;
export const SIGSEGV: u32 = 11;
/** Furthest that a stack grows below its top, in bytes: RLIMIT_STACK. */
export const STACK_RLIMIT: u64 = 8 << 20;

/** Notes the signal that the program gets; always false. */
export function raise_signal(signal: u32, address: u64, write: bool): bool {
  const cpu = this_cpu();
  cpu.fault_signal = signal;
  cpu.fault_write = write;
  cpu.fault_address = address;
  trace(TRACE_SIGNAL, address, signal);
  return false;
}

/**
 * Lets a stack VMA grow down to hold `address`. mmap_sem is only read-held: ptl and the lock of its
 * anon_vma serialise growers, in the order of the kernel.
 */
function expand_stack(mm: MmStruct, vma: VmArea, address: u64): bool {
  const start = address & ~(<u64>4095);
  if (vma.vm_end - start > STACK_RLIMIT) return false;
  const below = changetype<VmArea>(find_vma_before(mm, vma.vm_start));
  if (changetype<usize>(below) != 0 && below.vm_end > start) return false;
  if (!anon_vma_prepare(vma)) return false;
  // Who comes from a page reads start and offset of the VMA under the lock of the list.
  lock_ptl_and_anon_vma(mm, vma.anon_vma);
  // Another thread may have grown it further meanwhile.
  if (start < vma.vm_start) {
    const grow = (vma.vm_start - start) >> 12;
    vma.vm_start = start;
    vma.vm_pgoff -= grow;
    mm.total_vm += <u32>grow;
  }
  unlock_ptl_and_anon_vma(mm, vma.anon_vma);
  return true;
}

/** The VMA that the access is allowed in, or 0. mmap_sem is held for reading. */
function vma_for_access(mm: MmStruct, address: u64, write: bool): VmArea {
  const vma = find_vma(mm, address);
  const none = changetype<VmArea>(0);
  if (changetype<usize>(vma) == 0) return none;
  if (address < vma.vm_start) {
    if ((vma.vm_flags & VM_GROWSDOWN) == 0 || !expand_stack(mm, vma, address)) return none;
  }
  const needed = write ? VM_WRITE : VM_READ | VM_WRITE | VM_EXEC;
  return vma.vm_flags & needed ? vma : none;
}

/**
 * Failures of one access that are no reason yet to kill: whoever has the locks of the pages that could go needs some
 * time only. Linux: ten within the last second, and at least one second of them (out_of_memory, mm/oom_kill.c).
 */
const OOM_FAILURES: u32 = 20;
/** Naps that a fault takes, with those while another process is to die. */
const OOM_NAPS: u32 = OOM_FAILURES + 100;

/** No frame was found: true if the access is to be tried again, when others had some time. No lock is held. */
function oom_retry(task: Task, mm: MmStruct): bool {
  if (!is_reclaiming() || is_killed(mm) || task.oom_naps >= OOM_NAPS) return false;
  if (task.oom_naps >= OOM_FAILURES) out_of_memory();
  if (is_killed(mm)) return false;
  task.oom_naps++;
  cpu_nap();
  return true;
}

/** Resolves a fault of the running program. False: a signal is noted in the per-CPU area. */
export function do_page_fault(address: u64, write: bool): bool {
  const cpu = this_cpu();
  const task = changetype<Task>(cpu.current);
  const mm = changetype<MmStruct>(task.mm);
  trace(TRACE_FAULT, address, write ? 1 : 0);
  const phase = phase_enter(PHASE_FAULTS);
  const sem = mm_mmap_sem(mm);
  if (!without(FIX_MMAP_SEM)) down_read(sem);
  const vma = vma_for_access(mm, address, write);
  const allowed = changetype<usize>(vma) != 0;
  const result = allowed ? handle_mm_fault(mm, vma, address, write) : 0;
  if (!without(FIX_MMAP_SEM)) up_read(sem);
  phase_leave(phase);
  if (result == VM_FAULT_MINOR) {
    cpu.pgfault++;
    task.min_flt++;
    task.oom_naps = 0;
    return true;
  }
  if (!allowed) return raise_signal(SIGSEGV, address, write);
  if (result == VM_FAULT_OOM && oom_retry(task, mm)) return true;
  return raise_signal(result == VM_FAULT_OOM ? SIGKILL : SIGBUS, address, write);
}
