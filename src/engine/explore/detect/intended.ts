// Which data races of the kernel are meant to be. A plain load of a field that is marked atomic is one:
// Linux reads flags and counts that way (test_bit, atomic_read), and takes what it sees for a moment's truth. It
// acquires nothing, so what a wrong reader goes on to do is found; and a plain store is never meant.

import type { KernelNames } from "../kernel-names.ts";
import type { Detector } from "../exploration.ts";
import { Kind, isAtomic, type Runtime } from "../runtime.ts";
import type { IsIntended, RaceLog } from "./data-race.ts";
import { dataRaces } from "./race-failure.ts";

/** Looks for data races in executions over a kernel that are not meant to be. */
export const kernelDataRaces = (runtime: Runtime, cpus: number, names: KernelNames): Detector =>
  dataRaces(runtime, cpus, names, intendedIn(names));

/** Passes over races whose plain accesses are loads of fields that are marked atomic. */
const intendedIn =
  (names: KernelNames): IsIntended =>
  (log, { first, second, address }) =>
    [first, second].every((event) => isNoPlain(log, event) || isLoad(log, event)) &&
    names.isAtomicField(address);

const isLoad = (log: RaceLog, event: number): boolean => log.kind(event) === Kind.load;

const isNoPlain = (log: RaceLog, event: number): boolean => {
  const kind = log.kind(event);
  return isAtomic(kind) || kind === Kind.writeOnce;
};
