// The document that `racier swapoff` ends in: see docs/json.md.

import type { SwapPlace, SwapSharing } from "../workload/reclaim/orders.ts";
import type { HostFacts } from "./host.ts";

/** One way to empty a swap area. */
export interface SwapoffResult {
  readonly kernel: string;
  /** Every PTE of every VMA is looked at, or the place that the page names. */
  readonly way: "scan" | "anon_vma";
  /** Whose the pages are: each process has its own, or all share them since a fork. */
  readonly sharing: SwapSharing;
  /** Where the pages are: on the disk only, or in the swap cache too. */
  readonly place: SwapPlace;
  readonly processes: number;
  /** Pages on swap, of all processes together. */
  readonly pages: number;
  readonly rounds: number;
  readonly medianMs: number;
  readonly usPerPage: number;
}

/** What `racier swapoff` measured. */
export interface SwapoffDocument {
  readonly command: "swapoff";
  readonly version: string;
  readonly host: HostFacts;
  readonly interrupted: boolean;
  readonly results: readonly SwapoffResult[];
}
