// What the host tells the kernel at boot and what every CPU reads later. Written once, before any
// other CPU starts; the magic word is stored last.

import { BOOT_PARAMS } from "./memory_map";

/** "racr" in little endian: the memory holds a booted machine. */
export const BOOT_MAGIC: u32 = 0x72636172;
/** Version of the memory layout; a host of another version refuses the memory. */
export const BOOT_VERSION: u32 = 1;

@unmanaged @final
export class BootParams {
  /** BOOT_MAGIC once the machine is up. */
  magic: u32;
  /** BOOT_VERSION. */
  version: u32;
  /** CONFIG_KERNEL: 20608 is 2.6.8. */
  kernel: u32;
  /** CPUs of the machine, 1 to 64. */
  nr_cpus: u32;
  /** Frames with content; also the first pfn without. */
  lowmem_pfns: u32;
  /** All frames: end of mem_map. */
  max_mapnr: u32;
  /** First frame that is not the kernel image. */
  first_free_pfn: u32;
  /** Frame of zeros that read faults map; PG_reserved. */
  zero_pfn: u32;
  /** 1 when CPUs outnumber cores: waiters park instead of spinning. */
  oversubscribed: u32;
  /** 1: phases are timed (arch/phase.ts). */
  profile: u32;
  /** Loops of a wait before it parks. */
  spin_limit: u32;
  /** FIX_* bits that the machine does without (arch/fixes.ts); checking builds only. */
  without: u64;
  /** 1: the order of locks is watched (lock/lockdep.ts); checking builds only. */
  lockdep: u32;
  /** CONFIG_RMAP: how a page finds its PTEs. */
  rmap: u32;
  /** PATCH_*: which of the five patches the kernel has (config.ts). */
  patches: u32;
  /** SWAPOFF_*: how swapoff looks for PTEs (mm/unuse.ts). */
  swapoff: u32;
  /** 1: interrupts are taken in the middle of kernel code too (arch/ipi.ts); checking builds only. */
  interrupts_inside: u32;
}

/** The boot parameters of this machine. */
@inline
export function boot(): BootParams {
  return changetype<BootParams>(BOOT_PARAMS);
}
