// What the host and the programs of `racier notifiers` say to each other.

/** What an invalidation is a part of. */
export const OPERATIONS = ["munmap", "cow", "fork", "aging", "reclaim"] as const;
/** One of them. */
export type InvalidatingOperation = (typeof OPERATIONS)[number];

/** What one page costs in each, in ns. */
export type InvalidationCost = Readonly<Record<InvalidatingOperation, number>>;

/** What a guest and its host are to do. */
export interface GuestOrder {
  /** The secondary MMU of the guest. */
  readonly client: string;
  /** Pages of the guest. */
  readonly guestPages: number;
  /** Pages that a process on the other CPU uses, so that memory does not suffice. */
  readonly hostPages: number;
  /** How long to measure, at least. */
  readonly milliseconds: number;
  /** Pages that must have been swapped out before it ends. */
  readonly leastSwapOuts: number;
  /** The guest also stores. */
  readonly stores: boolean;
  readonly swapBytes: number;
  /** Words: CPUs that have arrived; 1: go; 1: stop. */
  readonly barrier: SharedArrayBuffer;
  /** Of the process on the other CPU: words that it used; pages that it found damaged. */
  readonly host: SharedArrayBuffer;
}

/** What came of it. */
export interface GuestOutcome {
  readonly seconds: number;
  /** Loads and stores of the guest. */
  readonly guestOperations: number;
  readonly hostOperations: number;
  readonly swapIns: number;
  readonly swapOuts: number;
  /** What the client has counted: faults of the guest, and those tried again since an invalidation came between. */
  readonly faults: number;
  readonly retries: number;
  /** Accesses that did not reach what the guest had stored, and pages of others that were found damaged. */
  readonly stale: number;
}

/** Programs of guest-programs.ts that a machine must load. */
export const GUEST_PROGRAMS: readonly string[] = ["guestMain", "guestHost"];
