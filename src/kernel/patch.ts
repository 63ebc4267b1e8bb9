// A patch of history that a kernel can be compiled with: what it is, and what it needs.

import type { KernelSettings } from "./variant.ts";

/** One of a series. */
export interface KernelPatch {
  /** Its name in a kernel's name. */
  readonly name: string;
  /** What else it may be called there. */
  readonly alias?: string;
  /** Its title in the history of Linux, without the name of the series; where that is known. */
  readonly title?: string;
  /** Where it is: a commit of the repository dmgerman/history-token, or the message of the thread. */
  readonly source: string;
  /** CONFIG_* that it sets; those that several of a series set are bits of a sum. */
  readonly settings: KernelSettings;
  /** The patches without which it cannot be, and why. */
  readonly needs?: readonly { readonly patch: string; readonly reason: string }[];
  /** What it changes. */
  readonly meaning: string;
}

/** Patches for one kernel, in the order in which they were applied. */
export interface PatchSeries {
  readonly kernel: string;
  readonly patches: readonly KernelPatch[];
  /** What all of them together are called. */
  readonly all?: string;
  /** Another kernel that has all of them already. */
  readonly merged?: { readonly kernel: string; readonly sentence: string };
}
