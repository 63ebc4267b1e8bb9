// Which data races of the kernel are meant to be. A plain load of a field that is marked atomic is one:
// Linux reads flags and counts that way (test_bit, atomic_read), and takes what it sees for a moment's truth. It
// acquires nothing, so what a wrong reader goes on to do is found; and a plain store is never meant.
// Nor are races for the memory of programs the kernel's: programs may race as they like, and a page that is
// copied while they do is copied as it is then.

import type { KernelNames } from "../kernel-names.ts";
import type { Detector } from "../exploration.ts";
import { Kind, isAtomic, type Runtime } from "../runtime.ts";
import type { IsIntended, RaceLog } from "./data-race.ts";
import { dataRaces } from "./race-failure.ts";

/** Looks for data races in executions over a kernel that are not meant to be. */
export const kernelDataRaces = (runtime: Runtime, cpus: number, names: KernelNames): Detector =>
  dataRaces(runtime, cpus, names, intendedIn(names));

/** Passes over races of programs, and races whose plain accesses are loads of fields that are marked atomic. */
const intendedIn =
  (names: KernelNames): IsIntended =>
  (log, { first, second, address }) => {
    const both = [first, second];
    if (both.some((event) => USER_ACCESS.test(names.functionOf(log.site(event))))) return true;
    const areLoads = both.every((event) => isNoPlain(log, event) || isLoad(log, event));
    return areLoads && names.isAtomicField(address);
  };

/** Functions of assembly/mm/uaccess.ts, and what is exported of them. */
const USER_ACCESS = /^(?:user_\w+(?:<\w+>)?|copy_chunk)$/;

const isLoad = (log: RaceLog, event: number): boolean => log.kind(event) === Kind.load;

const isNoPlain = (log: RaceLog, event: number): boolean => {
  const kind = log.kind(event);
  return isAtomic(kind) || kind === Kind.writeOnce;
};
