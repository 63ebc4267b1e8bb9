// The swap syscalls as a program sees them.

import { EINVAL, ENOMEM } from "../layout/errno.ts";
import { SyscallError } from "../kernel/error.ts";
import type { Cpu } from "../kernel/load.ts";
import { swapoff } from "../mm/swapoff.ts";

/** A swap area to be made. */
export interface SwapArea {
  /** Bytes; rounded up to pages. */
  readonly length: number;
  /** Areas of higher priority are filled first, equal ones in turn. @defaultValue 0 */
  readonly priority?: number;
}

/** Adds a swap area; returns its number. Throws SyscallError EINVAL or ENOMEM. */
export function sysSwapon(cpu: Cpu, { length, priority = 0 }: SwapArea): number {
  cpu.k.take_interrupts();
  const pages = Math.ceil(length / 4096);
  const valid = pages > 0 && pages < 2 ** 31 && Number.isInteger(priority);
  if (!valid) throw new SyscallError("swapon", EINVAL, `no area of ${length} bytes`);
  const area = cpu.k.swapon(pages, priority);
  if (area >= 0) return area;
  const why =
    area === -ENOMEM
      ? "there is no room on the disk, or in memory"
      : "the machine has no disk, all areas are in use, or it is too large";
  throw new SyscallError("swapon", area, why);
}

/** Empties an area and takes it away. Throws SyscallError EINVAL, ENOMEM or EINTR. */
export function sysSwapoff(cpu: Cpu, area: number): void {
  cpu.k.take_interrupts();
  const isNumber = Number.isInteger(area) && area >= 0;
  const error = isNumber ? swapoff(cpu, area) : -EINVAL;
  if (error === 0) return;
  const why =
    error === -EINVAL ? `${area} is no swap area` : "what it holds cannot be put anywhere";
  throw new SyscallError("swapoff", error, why);
}
