// The version of this racier, from its package.json.

import { readFileSync } from "node:fs";

/** The version, as in package.json. */
export function racierVersion(): string {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}
