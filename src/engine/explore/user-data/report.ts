// What is wrong with an access, in words.

import { hex } from "../../../machine/invariants/findings.ts";
import type { Mismatch } from "./model.ts";
import type { Operation } from "./operations.ts";
import type { Cell } from "./space.ts";

/** A value from its bytes, the lowest first. */
function valueOf(bytes: readonly number[]): string {
  const value = bytes.reduceRight((sum, byte) => sum * 256n + BigInt(byte), 0n);
  return `0x${value.toString(16)}`;
}

/** The values that bytes allow together, as far as they can be told. */
function valuesOf(allowed: readonly (readonly number[] | undefined)[]): string {
  const count = Math.max(...allowed.map((values) => values?.length ?? 1));
  const texts = Array.from({ length: count }, (_, i) =>
    valueOf(allowed.map((values) => values?.[Math.min(i, values.length - 1)] ?? 0)),
  );
  return [...new Set(texts)].join(" or ");
}

/** Who has stored, in brackets. */
const byWhom = ({ cpu, event }: Cell): string =>
  event > 0 ? `(CPU ${cpu}, event ${event})` : `(CPU ${cpu}, in setup)`;

/** "CPU 1 loads 0x1d at 0x40002000, the last store put 0x2e3 there (CPU 0, event 310)". */
export function describeMismatch(
  { cpu, name, ranges }: Operation,
  bytes: readonly number[],
  { isUnmapped, allowed, last }: Mismatch,
): string {
  const verb = name.startsWith("load") ? "loads" : "stores";
  const what = `CPU ${cpu} ${verb} ${valueOf(bytes)} at ${hex(ranges[0]?.start ?? 0)}`;
  if (isUnmapped) return `${what}, where nothing is mapped`;
  return `${what}, ${expected(allowed, last)}`;
}

/** "the last store put 0x2e3 there (CPU 0, event 310)". */
export function expected(
  allowed: readonly (readonly number[] | undefined)[],
  last: Cell | undefined,
): string {
  const values = valuesOf(allowed);
  if (last === undefined) return `where nobody has stored: it was ${values}`;
  if (last.cpu < 0) return `where ${values} had been read before`;
  return `the last store put ${values} there ${byWhom(last)}`;
}

/** "0x40002000 holds 0x0, the last store put 0x2e3 there (CPU 0, event 310)". */
export function describeLost(
  address: number,
  bytes: readonly number[],
  allowed: readonly (readonly number[] | undefined)[],
  last: Cell,
): string {
  return `${hex(address)} holds ${valueOf(bytes)}, ${expected(allowed, last)}`;
}
