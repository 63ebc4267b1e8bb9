// Unpacks errors that came from a worker: our own classes become themselves again, others become a
// plain Error that keeps name, message and stack.

import { ConfigError, KernelBug, MachineSignal, SyscallError } from "../../kernel/error.ts";
import type { ErrorMessage } from "./messages.ts";

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
