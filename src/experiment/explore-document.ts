// What `racier explore` and `racier replay` found, as one document (docs/json.md).

import type { HostFacts } from "./host.ts";

/** One step of the diagram: an access that another CPU's could have changed, or that broke a rule. */
export interface ExploreStep {
  /** Number of the event, from 1. */
  readonly event: number;
  readonly cpu: number;
  readonly kind:
    | "load"
    | "store"
    | "atomic load"
    | "atomic store"
    | "rmw"
    | "cmpxchg"
    | "wait"
    | "read"
    | "write";
  readonly function: string;
  readonly object: string;
  /** Value before, and after it; null where there is none. */
  readonly before: string | null;
  readonly after: string | null;
  /** Locks of the kernel that the CPU holds as it does the step; none for a program. */
  readonly locks: readonly string[];
  /** The CPU was taken off its turn before it. */
  readonly isSwitch: boolean;
}

/** An execution in which a rule broke. */
export interface ExploreFailure {
  readonly rule: string;
  readonly message: string;
  /** CPU that found it, or null. */
  readonly cpu: number | null;
  /** Number of the execution that found it, from 1. */
  readonly execution: number;
  readonly strategy: string;
  /** Turns and events as they were found. */
  readonly found: { readonly turns: number; readonly events: number };
  /** Turns and events of the simplest schedule that was found. */
  readonly shrunk: { readonly turns: number; readonly events: number };
  /** The line that replays it. */
  readonly schedule: string;
  readonly steps: readonly ExploreStep[];
}

/** The document. */
export interface ExploreDocument {
  readonly command: "explore" | "replay";
  readonly host: HostFacts;
  readonly subject: string;
  readonly fingerprint: string;
  readonly cpus: number;
  readonly strategy: string;
  readonly seed: number;
  /** Threads that searched, at most: a short search needs one. */
  readonly workers: number;
  /** File of the checkpoint, or null. */
  readonly checkpoint: string | null;
  readonly executions: number;
  /** Executions that were given up because others show the same. */
  readonly redundant: number;
  readonly events: number;
  readonly seconds: number;
  /** Why the search ended: something was found, nothing was left, its budget was spent, or Ctrl-C. */
  readonly ended: "found" | "complete" | "budget" | "time" | "interrupted";
  /** The most that has been shown to be right, "every behaviour" for example, or null; a search may go on after it. */
  readonly complete: string | null;
  /** Ctrl-C ended it. */
  readonly interrupted: boolean;
  readonly failure: ExploreFailure | null;
}
