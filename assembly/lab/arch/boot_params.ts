// What the host tells the locks of the lab before they run: what arch/wait.ts asks the kernel's boot
// parameters. Written by the host (src/lab/memory.ts), never by a lock.

/** Where they lie. */
const LAB_PARAMS: usize = 0xff000;

@unmanaged @final
export class BootParams {
  /** 1 when CPUs outnumber cores: waiters park instead of spinning. */
  oversubscribed: u32;
  /** Loops of a wait before it parks. */
  spin_limit: u32;
  /** CPUs that use the locks. */
  nr_cpus: u32;
}

/** The parameters of this run. */
@inline
export function boot(): BootParams {
  return changetype<BootParams>(LAB_PARAMS);
}
