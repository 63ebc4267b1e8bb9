// Emptying a swap area: sys_swapoff of Linux 2.6.9 (mm/swapfile.c).
//
// Protocol. The area is closed, so no slot of it is taken any more, and emptied (assembly/mm/try_to_unuse.ts). An address
// space whose last user was swapoff itself is unmapped here, since files and VMAs are the host's.

import { UNUSE_AGAIN } from "../layout/structs.gen.ts";
import type { Cpu } from "../kernel/load.ts";
import { endMm } from "./unmap.ts";

/** Empties a closed area. 0, -ENOMEM, or -EINTR when somebody does not let go. */
function tryToUnuse(cpu: Cpu, area: number): number {
  const { k } = cpu;
  let result: number;
  do {
    result = k.try_to_unuse(area);
    for (let mm = k.unuse_next_gone(area); mm !== 0; mm = k.unuse_next_gone(area)) endMm(cpu, mm);
  } while (result === UNUSE_AGAIN);
  return result;
}

/** Empties a swap area and takes it away. 0, -EINVAL, -ENOMEM or -EINTR; then it is as before. */
export function swapoff(cpu: Cpu, area: number): number {
  const { k } = cpu;
  const closed = k.swapoff_begin(area);
  if (closed !== 0) return closed;
  const error = tryToUnuse(cpu, area);
  if (error === 0) k.swapoff_end(area);
  else k.swapoff_abort(area);
  return error;
}
