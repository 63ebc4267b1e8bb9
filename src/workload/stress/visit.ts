// Using a region that another thread may change at any moment. The visitor announces what it uses
// (a hazard pointer), looks again whether the region still stands there, and from then on the owner
// may unmap or protect the range, but neither moves it nor maps anything else there: so whatever
// the visitor finds belongs to the region. The owner looks for visitors when the change that they
// would see has begun: before, one may still come between its look and the change.

import type { Actor } from "./actor.ts";
import { KIND_NONE, KIND_STACK, type Region } from "./region.ts";

/** A region as it stood when the visit began. */
export interface Visit {
  readonly region: Region;
  /** This thread is the one that changes the region. */
  readonly own: boolean;
  /** Pages. */
  readonly count: number;
  /** Address of a page. */
  readonly address: (page: number) => number;
}

function visitOf(region: Region, own: boolean): Visit {
  const { base, count, isStack } = region;
  const address = isStack
    ? (page: number) => base - (page + 1) * 4096
    : (page: number) => base + page * 4096;
  return { region, own, count, address };
}

/** Does `body` with a region; false if there is nothing to visit just now. */
export function visit(actor: Actor, region: Region, body: (visit: Visit) => void): boolean {
  if (actor.owns(region.thread)) {
    if (region.kind === KIND_NONE) return false;
    body(visitOf(region, true));
    return true;
  }
  const { seq } = region;
  // An access below a stack changes its layout: that is for its owner to do.
  if (seq % 2 !== 0 || region.kind === KIND_NONE || region.kind === KIND_STACK) return false;
  const { model, thread } = actor;
  model.setHazard(thread, region);
  try {
    const seen = visitOf(region, false);
    if (region.seq !== seq) return false;
    body(seen);
    return true;
  } finally {
    model.clearHazard(thread);
  }
}
