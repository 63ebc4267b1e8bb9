// What a search and its workers say to each other. A worker is sent jobs (explore-ledger.ts); what it must
// know while it works stands in shared words.

import type { SliceResult } from "../engine/explore/slice.ts";
import type { ErrorMessage } from "../kernel/packed-error.ts";
import type { SubjectParcel } from "./explore-subject.ts";

/** Shared word: jobs of phases above it are not wanted. */
export const HORIZON = 0;
/** Shared words from here on, one for each worker: executions of the job it is at. */
export const LIVE = 1;

/** What a worker is given at its start. */
export interface CrewStart {
  readonly parcel: SubjectParcel;
  readonly shared: SharedArrayBuffer;
  /** Number of the worker, from 0. */
  readonly index: number;
}

/** What a worker says. */
export type CrewReply =
  | { readonly type: "ready" }
  | {
      readonly type: "done";
      readonly id: number;
      readonly result: SliceResult;
      /** States that it has met for the first time. */
      readonly states: BigUint64Array | undefined;
    }
  | { readonly type: "failed"; readonly error: ErrorMessage };
