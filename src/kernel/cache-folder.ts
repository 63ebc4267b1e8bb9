// Where racier keeps, for a user, what it has compiled.

import { homedir } from "node:os";
import { join } from "node:path";

/** The folder in the user's cache; it may not be there. */
export function userCacheFolder(): string {
  const base = process.env["XDG_CACHE_HOME"];
  return join(base === undefined || base === "" ? join(homedir(), ".cache") : base, "racier");
}
