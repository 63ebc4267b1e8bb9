// What the host and the worker of a CPU say to each other.

import type { ErrorMessage } from "../../kernel/packed-error.ts";
import type { MachineConfig } from "../../machine/config.ts";
import type { ClientEntry } from "../../machine/client-module.ts";
import type { ProgramEntry } from "../../machine/program.ts";

/** What a worker is given at its start. */
export interface WorkerStart {
  readonly cpu: number;
  readonly config: MachineConfig;
  readonly memory: WebAssembly.Memory;
  readonly module: WebAssembly.Module;
}

/** Something a CPU should know: no answer comes, and it need not wake for it. */
export type Notice =
  /** What the host gives with a job. Sent to every CPU before the job: its children run on any. */
  | { readonly type: "shared"; readonly job: number; readonly shared: unknown }
  /** The job has ended; children of it may still run, or start. */
  | { readonly type: "ended"; readonly job: number };

/** A request to a CPU; answered by a message with the same id. */
export type Request = { readonly id: number } & (
  | { readonly type: "program"; readonly entry: ProgramEntry }
  | {
      readonly type: "job";
      readonly program: number;
      readonly args: readonly number[];
    }
  | { readonly type: "client"; readonly entry: ClientEntry }
  | { readonly type: "quiesce" }
  | { readonly type: "stop" }
);

/** What a CPU says. */
export type Reply =
  | { readonly type: "ready" }
  | { readonly type: "done"; readonly id: number; readonly result: unknown }
  | { readonly type: "failed"; readonly id: number; readonly error: ErrorMessage }
  /** A task that no job stands for threw. */
  | { readonly type: "stray"; readonly error: ErrorMessage }
  /** The kernel trapped: the machine is over. */
  | { readonly type: "trap"; readonly message: string };
