// Where regions go. Each thread has a window of addresses around the border between two entries of
// the top page table, so that regions cross tables of every level; no other thread maps anything
// there. The kernel chooses addresses only for a process with one thread, since it could choose
// what another thread still uses.
//
//   | - 16 MiB ... stack - 12 MiB | gap | - 8 MiB ... regions ... + 8 MiB |     around (thread + 1) << 39

import { PAGES, REGIONS, THREADS } from "./board.ts";
import type { Actor } from "./actor.ts";
import { KIND_NONE, KIND_STACK, type Region } from "./region.ts";

const MIB = 2 ** 20;
const WINDOW = 16 * MIB;
const AREA = 8 * MIB;
const STACK_TOP = 12 * MIB;

/** What the kernel chooses lies from here on. */
const CHOSEN_BY_KERNEL = 2 ** 45;

/** The middle of a thread's window. */
export const centreOf = (thread: number): number => (thread + 1) * 2 ** 39;

/** Address behind the stack of a window. */
export const stackTop = (thread: number): number => centreOf(thread) - STACK_TOP;

/** All addresses of a window. */
export const windowOf = (thread: number): { low: number; high: number } => ({
  low: centreOf(thread) - 2 * WINDOW,
  high: centreOf(thread) + WINDOW,
});

/**
 * True if the kernel chose the place of a region: the next one may come to lie in any hole of it.
 */
export const isRoaming = (region: Region): boolean => region.base >= CHOSEN_BY_KERNEL;

/** Regions of ours with an address in [low, high). */
export const overlapping = (actor: Actor, low: number, high: number): Region[] =>
  actor.ownRegions.filter((region) => region.low < high && low < region.high);

/** An entry of the model for a new region of a window that is ours, if one is free. */
export function freeEntry(actor: Actor): Region | undefined {
  const threads = Array.from({ length: THREADS }, (_, thread) => thread);
  const thread = actor.random.chance(70)
    ? actor.thread
    : actor.random.pick(threads.filter((each) => actor.owns(each)));
  return freeEntryOf(actor, thread);
}

/** An entry of the model for a new region of a thread's window. */
export function freeEntryOf(actor: Actor, thread: number): Region | undefined {
  const entries = actor.model.regions.slice(thread * REGIONS, (thread + 1) * REGIONS);
  return entries.find((region) => region.kind === KIND_NONE && isUnused(actor, 0, 0, region));
}

/** True if no other thread may still use [low, high) or the entry. */
export function isUnused(actor: Actor, low: number, high: number, entry: Region): boolean {
  return !actor.model.hazardous(actor.thread, low, high, entry.index);
}

/** A candidate: beside a region, across the middle of the window, or anywhere in it. */
function candidate(actor: Actor, thread: number, bytes: number): number {
  const { random } = actor;
  const neighbours = actor.ownRegions.filter(
    (region) => region.thread === thread && region.kind !== KIND_STACK && !isRoaming(region),
  );
  const centre = centreOf(thread);
  const choice = random.below(100);
  if (choice < 40 && neighbours.length > 0) {
    const beside = random.pick(neighbours);
    return random.chance(60) ? beside.high : beside.low - bytes;
  }
  if (choice < 60) return centre - random.below(bytes / 4096) * 4096;
  return centre - AREA + random.below((2 * AREA - bytes) / 4096) * 4096;
}

/** A free place for `bytes` in the window of `entry`, or undefined. */
export function placeFor(actor: Actor, entry: Region, bytes: number): number | undefined {
  const centre = centreOf(entry.thread);
  for (let attempt = 0; attempt < 6; attempt++) {
    const low = candidate(actor, entry.thread, bytes);
    const high = low + bytes;
    const inside = low >= centre - AREA && high <= centre + AREA;
    if (!inside || overlapping(actor, low, high).length > 0) continue;
    if (isUnused(actor, low, high, entry)) return low;
  }
  return undefined;
}

/** True if a stack can be made in a window. */
export function stackIsFree(actor: Actor, entry: Region): boolean {
  const top = stackTop(entry.thread);
  const low = top - PAGES * 4096;
  return overlapping(actor, low, top).length === 0 && isUnused(actor, low, top, entry);
}
