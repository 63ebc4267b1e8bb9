// Sites of accesses of host code. It has none in the binary, so they are numbered from the end: one for
// each call of a task that host code may be busy with, and one for what is outside of any.

import { ProgramTask } from "../../machine/task.ts";

const LAST_SITE = 0xff_ffff;
/** Calls of a task, in an order that does not depend on the run. */
const CALLS = Object.getOwnPropertyNames(ProgramTask.prototype).sort();

/** Site of host code inside a call of a task; outside of all calls if none is given. */
export const hostSite = (call?: string): number =>
  LAST_SITE - 1 - (call === undefined ? -1 : CALLS.indexOf(call));

/** What host code was busy with: "host munmap", or "host"; undefined for a site of the kernel. */
export function hostFunction(site: number): string | undefined {
  const call = LAST_SITE - 1 - site;
  if (call === -1) return "host";
  return CALLS[call] === undefined ? undefined : `host ${CALLS[call]}`;
}
