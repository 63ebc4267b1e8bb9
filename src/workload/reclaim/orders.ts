// What the host and the programs of `racier reclaim` and `racier swapoff` say to each other.

/** What the programs under memory pressure are to do. */
export interface PressureOrder {
  /** Anonymous pages that all processes share. */
  readonly pages: number;
  /** Processes that share them besides those that run. */
  readonly processes: number;
  /** How long to measure. */
  readonly milliseconds: number;
  /** The last CPU forks processes that exit, and does not use the pages. */
  readonly forks: boolean;
  /** Not 0: the pages lie in VMAs of so many, and threads of one process use them. */
  readonly pagesPerVma: number;
  /** Bytes of swap. */
  readonly swapBytes: number;
  /** Words: CPUs that have arrived; 1: go; 1: stop. */
  readonly barrier: SharedArrayBuffer;
  /** For each CPU: forks, seconds measured. */
  readonly results: SharedArrayBuffer;
}

/** Numbers of each CPU in PressureOrder.results. */
export const PRESSURE_RESULTS = 2;

/** Whose the pages on swap are: each process has its own, or a fork has shared them all. */
export type SwapSharing = "own" | "forked";
/** Where the pages are when swapoff begins: on the disk only, or in the swap cache too, as just after reclaim. */
export type SwapPlace = "disk" | "cache";

/** What the chain of processes with pages on swap is to do. */
export interface SwapoffOrder {
  readonly processes: number;
  /** Pages of each; those that are shared are the same in all. */
  readonly pages: number;
  readonly sharing: SwapSharing;
  readonly place: SwapPlace;
  readonly swapBytes: number;
  /** One number: how long swapoff took, in ms. */
  readonly result: SharedArrayBuffer;
}

/** Programs of reclaim-programs.ts that a machine must load. */
export const RECLAIM_PROGRAMS: readonly string[] = [
  "pressureParent",
  "pressureWorker",
  "pressureSharer",
];
/** Programs of swapoff-programs.ts that a machine must load. */
export const SWAPOFF_PROGRAMS: readonly string[] = ["swapoffRoot", "swapoffLink"];
