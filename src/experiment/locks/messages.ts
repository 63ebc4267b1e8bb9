// What the bench of locks and the workers of its CPUs say to each other.

/** What a worker is given at its start. */
export interface BenchStart {
  readonly cpu: number;
}

/** What a worker is asked. */
export type BenchRequest =
  /** A lock to have ready, in a memory of its own. */
  | {
      readonly type: "lock";
      readonly lock: number;
      readonly module: WebAssembly.Module;
      readonly memory: WebAssembly.Memory;
    }
  /** A call of an export; answered by "done" or "trapped". */
  | {
      readonly type: "call";
      readonly lock: number;
      readonly name: string;
      readonly argument: number | undefined;
      /** Makes the locks ready for so many CPUs first. */
      readonly prepareFor: number | undefined;
    };

/** What a worker says. */
export type BenchReply =
  | { readonly type: "ready" }
  | { readonly type: "done"; readonly result: number }
  /** The code of the lock ended in an error. */
  | { readonly type: "trapped"; readonly message: string };
