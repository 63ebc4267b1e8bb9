// Errors on their way between threads. Packed in a worker; unpacked, our own classes become themselves
// again, others become a plain Error that keeps name, message and stack.

import { ConfigError, KernelBug, MachineSignal, SyscallError } from "./error.ts";

/** An error on its way between threads: classes do not survive the journey. */
export interface ErrorMessage {
  readonly name: string;
  readonly message: string;
  readonly stack?: string | undefined;
  /** Own fields of our error classes. */
  readonly fields: Readonly<Record<string, unknown>>;
}

const CLASSES = new Map<string, { prototype: object }>([
  ["ConfigError", ConfigError],
  ["KernelBug", KernelBug],
  ["MachineSignal", MachineSignal],
  ["SyscallError", SyscallError],
]);

/** The error that packError packed. */
export function unpackError(packed: ErrorMessage): Error {
  const error = new Error(packed.message);
  const known = CLASSES.get(packed.name);
  if (known !== undefined) Object.setPrototypeOf(error, known.prototype);
  Object.assign(error, packed.fields, { name: packed.name });
  if (packed.stack !== undefined) error.stack = packed.stack;
  return error;
}

/** True for what our own error classes have in their fields; a function, say, cannot be posted. */
function isPlain(value: unknown): boolean {
  if (Array.isArray(value)) return value.every(isPlain);
  return ["string", "number", "boolean"].includes(typeof value);
}

/** Packs an error for the journey. */
export function packError(error: unknown): ErrorMessage {
  if (!(error instanceof Error)) {
    return { name: "Error", message: `the program threw ${String(error)}`, fields: {} };
  }
  const { name, message, stack } = error;
  const fields = Object.entries(error).filter(([, value]) => isPlain(value));
  return { name, message, stack, fields: Object.fromEntries(fields) };
}
