// --lock CLASS=LOCK: which lock stands behind which lock of the kernel. It becomes a part of the kernel's name
// (src/kernel/variant.ts).

import { Option } from "commander";
import { chosenKernel } from "../kernel/catalogue.ts";
import { ConfigError } from "../kernel/error.ts";
import { VARIANT_PARTS, WORD_LOCKS } from "../kernel/variant.ts";
import { LOCKS } from "../lab/catalogue.ts";

/** Classes of locks that can have one of their own, by the words that people use. */
const CLASSES: Readonly<Record<string, string>> = {
  ...{ spinlock: "spinlock", spinlock_t: "spinlock" },
  ...{ ptl: "ptl", page_table_lock: "ptl" },
  ...{ anon_vma: "anon_vma", "anon_vma.lock": "anon_vma" },
  ...{ i_mmap: "i_mmap", i_mmap_lock: "i_mmap" },
  ...{ mmap_sem: "mmap_sem", page_bit: "page_bit", PG_maplock: "page_bit" },
};

const NAMES = [...new Set(Object.values(CLASSES))].join(", ");

/** Reads "ptl=mcs"; what a kernel's name then has. Throws ConfigError. */
function partOf(text: string): string {
  const [word = "", lock = "", ...rest] = text.split("=");
  if (lock === "" || rest.length > 0) {
    throw new ConfigError(`--lock takes CLASS=LOCK, such as ptl=mcs, not "${text}"`);
  }
  const name = CLASSES[word];
  if (name === undefined) {
    throw new ConfigError(`--lock knows no class "${word}": it is one of ${NAMES}`);
  }
  const part = VARIANT_PARTS.find((each) => each.name === name);
  if (
    part?.values === WORD_LOCKS &&
    !(lock in WORD_LOCKS) &&
    LOCKS.some((entry) => entry.name === lock)
  ) {
    const known = Object.keys(WORD_LOCKS).join(", ");
    throw new ConfigError(`${word} is one word, and ${lock} needs more: choose one of ${known}`);
  }
  return `+${name}=${lock}`;
}

/** The option; its value is what withLocks() takes. */
export const lockOption = (): Option =>
  new Option("--lock <class=lock>", `the lock behind a class, repeatable: ${NAMES}`).argParser(
    (text: string, before: string | undefined) => (before ?? "") + partOf(text),
  );

/** The name of a kernel that has these locks. Throws ConfigError. */
export const withLocks = (kernel: string, parts: string | undefined): string =>
  chosenKernel(`${kernel}${parts ?? ""}`).name;
