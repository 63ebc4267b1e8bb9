// Where racier keeps, for a user, what it has compiled.

import { homedir } from "node:os";
import { join, resolve } from "node:path";

/** What $RACIER_CACHE says, or the folder in the user's cache; it may not be there. */
export function userCacheFolder(): string {
  const own = process.env["RACIER_CACHE"];
  if (own !== undefined) return resolve(own);
  const base = process.env["XDG_CACHE_HOME"];
  return join(base === undefined || base === "" ? join(homedir(), ".cache") : base, "racier");
}
