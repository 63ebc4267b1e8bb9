// Variants of a kernel: 2.6.9+spinlock=ticket is 2.6.9 with other values of CONFIG_*. The name says all of it, so
// that wherever a kernel is named a variant can be named too. src/kernel/variant-cache.ts compiles them.

import {
  MMAP_SEM_MUTEX,
  MMAP_SEM_RWSEM,
  MMAP_SEM_RWSEM_SPIN,
  PAGE_BIT_BACKOFF,
  PAGE_BIT_BIT,
  PAGE_BIT_HASHED,
  RECLAIM_SPINS,
  RECLAIM_TRIES,
  SPINLOCK_BACKOFF,
  SPINLOCK_BIT,
  SPINLOCK_HEMLOCK,
  SPINLOCK_MCS,
  SPINLOCK_QSPINLOCK,
  SPINLOCK_TAS,
  SPINLOCK_TICKET,
  SPINLOCK_TICKET_PROP,
  SPINLOCK_TTAS,
} from "../layout/structs.gen.ts";
import { ConfigError } from "./error.ts";

/** Values of CONFIG_*, by their names. */
export type KernelSettings = Readonly<Record<string, number>>;

/** What a kernel is made of before anything is chosen. */
export interface VariantBase {
  /** The shipped kernel that it is built upon. */
  readonly target: string;
  readonly settings: KernelSettings;
}

/** Something that can be chosen when a kernel is compiled. */
export interface VariantPart {
  /** Its name in a kernel's name. */
  readonly name: string;
  /** The CONFIG_* that it sets. */
  readonly config: string;
  readonly values: Readonly<Record<string, number>>;
  /** The value that a kernel has when nothing is said, with the settings that were chosen. */
  readonly standard: (base: VariantBase, chosen: ReadonlyMap<string, number>) => string;
  readonly meaning: string;
}

/** Locks of one word, which can stand behind a spinlock_t. */
export const WORD_LOCKS: Readonly<Record<string, number>> = {
  ttas: SPINLOCK_TTAS,
  ticket: SPINLOCK_TICKET,
  mcs: SPINLOCK_MCS,
  tas: SPINLOCK_TAS,
  backoff: SPINLOCK_BACKOFF,
  "ticket-prop": SPINLOCK_TICKET_PROP,
  hemlock: SPINLOCK_HEMLOCK,
  qspinlock: SPINLOCK_QSPINLOCK,
  bit: SPINLOCK_BIT,
};

/** What can stand behind mmap_sem: who waits may sleep. */
const SEMAPHORES: Readonly<Record<string, number>> = {
  rwsem: MMAP_SEM_RWSEM,
  "rwsem-spin": MMAP_SEM_RWSEM_SPIN,
  mutex: MMAP_SEM_MUTEX,
};

/** What can stand behind the bit lock of a page: the bit, or a table of locks. */
const PAGE_LOCKS: Readonly<Record<string, number>> = {
  bit: PAGE_BIT_BIT,
  "bit-backoff": PAGE_BIT_BACKOFF,
  "hash-ttas": PAGE_BIT_HASHED + SPINLOCK_TTAS,
  "hash-ticket": PAGE_BIT_HASHED + SPINLOCK_TICKET,
  "hash-mcs": PAGE_BIT_HASHED + SPINLOCK_MCS,
};

const SPINLOCK = "CONFIG_SPINLOCK";

const lockOf = (name: string, config: string, what: string): VariantPart => ({
  ...{ name, config, values: WORD_LOCKS, meaning: `what stands behind ${what}` },
  standard: (_, chosen) => lockNumbered(chosen.get(SPINLOCK) ?? SPINLOCK_TTAS),
});

const lockNumbered = (value: number): string =>
  Object.keys(WORD_LOCKS).find((name) => WORD_LOCKS[name] === value) ?? "";

const RECLAIM_LOCKS = "CONFIG_RECLAIM_LOCKS";

/** True for a kernel whose reclaim waits for page_table_lock and i_mmap_lock: 2.6.9, and what is built upon it. */
export const reclaimSpins = ({ target, settings }: VariantBase): boolean =>
  (settings[RECLAIM_LOCKS] ?? (target === "2.6.9" ? RECLAIM_SPINS : RECLAIM_TRIES)) ===
  RECLAIM_SPINS;

/** What can be chosen, in the order in which names have it. */
export const VARIANT_PARTS: readonly VariantPart[] = [
  { ...lockOf("spinlock", SPINLOCK, "spinlock_t"), standard: () => "ttas" },
  lockOf("ptl", "CONFIG_PTL_LOCK", "page_table_lock"),
  lockOf("anon_vma", "CONFIG_ANON_VMA_LOCK", "anon_vma.lock"),
  lockOf("i_mmap", "CONFIG_I_MMAP_LOCK", "i_mmap_lock"),
  {
    ...{ name: "mmap_sem", config: "CONFIG_MMAP_SEM", values: SEMAPHORES },
    standard: () => "rwsem",
    meaning: "what stands behind mmap_sem",
  },
  {
    ...{ name: "page_bit", config: "CONFIG_PAGE_BIT", values: PAGE_LOCKS },
    standard: () => "bit",
    meaning: "what stands behind PG_maplock, where there is one",
  },
  {
    ...{ name: "lock_stat", config: "CONFIG_LOCK_STAT", values: { off: 0, on: 1 } },
    standard: () => "off",
    meaning: "locks are counted and timed",
  },
  {
    ...{
      name: "reclaim",
      config: RECLAIM_LOCKS,
      values: { trylock: RECLAIM_TRIES, spin: RECLAIM_SPINS },
    },
    standard: (base) => (reclaimSpins(base) ? "spin" : "trylock"),
    meaning: "how reclaim takes page_table_lock and i_mmap_lock",
  },
  {
    name: "nrpte",
    config: "CONFIG_NRPTE",
    values: { 7: 7, 15: 15, 31: 31 },
    standard: () => "15",
    meaning: "2.6.6: PTEs in an element of a chain, for cache lines of 32, 64 and 128 bytes",
  },
];

/** What a kernel's name says behind the version. */
export interface Variant {
  /** "+spinlock=ticket": the same for the same settings; empty for a kernel as it is shipped. */
  readonly suffix: string;
  readonly settings: KernelSettings;
}

/** Reads "spinlock=ticket" and "CONFIG_SPINLOCK=2", which are the same. Throws ConfigError. */
export function variantOf(kernel: string, base: VariantBase, words: readonly string[]): Variant {
  const settings = new Map<string, number>();
  for (const word of words) {
    const [config, value] = settingOf(word);
    const earlier = settings.get(config);
    if (earlier !== undefined && earlier !== value) {
      throw new ConfigError(
        `${kernel}+${words.join("+")} says twice what ${config} is: choose one`,
      );
    }
    settings.set(config, value);
  }
  const given = new Map(settings);
  const named = VARIANT_PARTS.flatMap((part) => {
    const value = given.get(part.config);
    const name = Object.keys(part.values).find((each) => part.values[each] === value);
    if (value === undefined || name === undefined) return [];
    settings.delete(part.config);
    return name === part.standard(base, given)
      ? []
      : [[part.config, value, part.name, name] as const];
  });
  const bare = [...settings].sort(([a], [b]) => (a < b ? -1 : 1));
  const all = [...named, ...bare.map(([config, value]) => [config, value, config, value] as const)];
  return {
    suffix: all.map(([, , name, value]) => `+${name}=${value}`).join(""),
    settings: Object.fromEntries(all.map(([config, value]) => [config, value])),
  };
}

function settingOf(word: string): readonly [config: string, value: number] {
  const [name = "", text = "", ...rest] = word.split("=");
  if (rest.length === 0 && /^CONFIG_\w+$/.test(name) && /^\d+$/.test(text)) {
    return [name, Number(text)];
  }
  const part = VARIANT_PARTS.find((each) => each.name === name);
  if (part === undefined) {
    const known = VARIANT_PARTS.map((each) => each.name).join(", ");
    throw new ConfigError(`a kernel has no part "${word}": write NAME=VALUE, NAME one of ${known}`);
  }
  const value = part.values[text];
  if (value === undefined || rest.length > 0) {
    const known = Object.keys(part.values).join(", ");
    throw new ConfigError(`${name} of a kernel is one of ${known}, not "${text}"`);
  }
  return [part.config, value];
}
