// What things are called in a report on a user's program: functions and variables by their names in the
// source, other memory by its address.

import type { Site, Variable } from "./instrument.ts";

/** Names for a report. */
export interface Names {
  /** The function that an access stands in. */
  functionOf(site: number): string;
  /** What lies at an address. */
  objectAt(address: number): string;
  /** Objects are those of the kernel: which words are locks can be told from their names. */
  readonly isKernel: boolean;
}

/**
 * Names of a compiled program.
 * @param nameAt of memory that is no variable, where it has names
 */
export function programNames(
  sites: readonly Site[],
  variables: readonly Variable[],
  nameAt: (address: number) => string | undefined = () => undefined,
): Names {
  const byAddress = new Map(
    variables.map((variable) => [variable.address, shorten(variable.name)]),
  );
  return {
    isKernel: false,
    functionOf: (site) => shorten(sites[site]?.function ?? "?"),
    objectAt: (address) =>
      byAddress.get(address & ~7) ?? nameAt(address) ?? `[0x${address.toString(16)}]`,
  };
}

/** "my-lock/lock" and "~lib/array/Array#push" without the file. */
function shorten(name: string): string {
  return name.slice(name.lastIndexOf("/") + 1);
}
