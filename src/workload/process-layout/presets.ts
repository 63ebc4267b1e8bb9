// The processes that come with racier: captures of /proc/PID/smaps in the folder presets/, beside
// this file in the sources and in the built package. How each was recorded stands in its first
// lines and in docs/presets.md.

import { fileURLToPath } from "node:url";

import { ConfigError } from "../../kernel/error.ts";
import type { ProcessLayout } from "./layout.ts";
import { readSmapsFile } from "./smaps.ts";

/** From the smallest to the largest. */
const NAMES: readonly string[] = ["hello", "sh", "bash", "node", "large"];

/** The names of all presets, from the smallest process to the largest. */
export function presetNames(): readonly string[] {
  return NAMES;
}

/** The layout of a preset. Throws ConfigError, which lists all, if there is none of that name. */
export function loadPreset(name: string): ProcessLayout {
  if (!NAMES.includes(name)) throw new ConfigError(unknownPreset(name));
  const path = fileURLToPath(new URL(`./presets/${name}.smaps`, import.meta.url));
  return { ...readSmapsFile(path), source: `preset ${name}`, name };
}

function unknownPreset(name: string): string {
  const nearest = NAMES.toSorted((a, b) => distance(a, name) - distance(b, name))[0] ?? "";
  const meant = distance(nearest, name) < nearest.length ? ` did you mean ${nearest}?` : "";
  return `unknown preset ${JSON.stringify(name)}:${meant} take one of ${NAMES.join(", ")}`;
}

/** How many letters must be put in, taken out or changed to get from one word to the other. */
function distance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 0; i < from.length; i++) {
    const next = [i + 1];
    for (let j = 0; j < to.length; j++) {
      const change = (row[j] ?? 0) + (to[j] === from[i] ? 0 : 1);
      next.push(Math.min(change, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}
