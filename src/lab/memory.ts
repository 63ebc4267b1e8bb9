// Where things lie in the memory that locks of the lab are used in: the same on threads and in the explorer.
//
//   0x000000  never used, so that a missing pointer reads zeros
//   0x000400  static data of the module; in the explorer, its variables and what it allocates too
//   0x0ff000  parameters: assembly/lab/arch/boot_params.ts
//   0x100000  areas of the CPUs: assembly/lab/arch/percpu.ts
//   0x120000  whoever uses the locks: locks, nodes, what they protect

/** Addresses and sizes, in bytes. */
export const LAB_MEMORY = {
  /** Static data begins here. */
  staticData: 0x400,
  params: 0xff000,
  percpu: 0x10_0000,
  percpuBytes: 0x800,
  /** Free for the user of the locks, from here. */
  arena: 0x12_0000,
} as const;

/** CPUs, at most. */
export const LAB_MAX_CPUS = 64;

/** What the waits of the locks are told. */
export interface LabParams {
  readonly cpus: number;
  /** CPUs outnumber cores: waiters park. */
  readonly oversubscribed: boolean;
  /** Turns of a wait loop before it parks. */
  readonly spinLimit: number;
}

/** Writes the parameters, before any lock is used. */
export function writeLabParams(words: Uint32Array, params: LabParams): void {
  const { cpus, oversubscribed, spinLimit } = params;
  words.set([oversubscribed ? 1 : 0, spinLimit, cpus], LAB_MEMORY.params >>> 2);
}

/** What the instance of CPU `cpu` imports besides its memory. */
export function labImports(cpu: number): Record<string, Record<string, WebAssembly.ImportValue>> {
  return { arch: { percpu_base: LAB_MEMORY.percpu + cpu * LAB_MEMORY.percpuBytes } };
}
