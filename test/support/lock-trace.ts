// A kernel that tells of every lock it takes and frees, and a small lockdep that listens, which shares nothing with the
// kernel's own: which class of lock is taken while which other is held. The locks themselves are the kernel's own; only a call is put in front of each.

import { readFileSync } from "node:fs";
import {
  BOOT_PARAMS,
  BootParams,
  DISK,
  MAX_SWAPFILES,
  SWAPPER_TREE_LOCK,
  SWAP_INFO,
  SWAP_INFO_STRIDE,
  SWAP_LIST,
  CACHE_ANON_VMA,
  CACHE_INODE,
  CACHE_MM,
  CACHE_TABLE,
  Inode,
  KERNEL_GLOBALS,
  MEM_MAP,
  FILES_LOCK,
  MMLIST_LOCK,
  RCU_STATE,
  MmStruct,
  OBJECT_ALIGN,
  PAGE_WAIT_TABLE,
  PERCPU_AREAS,
  PERCPU_SIZE,
  ZONE_STRIDE,
  ZONE_TABLE,
  Zone,
  Slab,
  TlbFlush,
} from "../../src/layout/structs.gen.ts";
import { type MemoryViews, getU32 } from "../../src/layout/view.ts";
import { compileSnippet } from "../kernel/compile.ts";

const ACQUIRE = 1;
const RELEASE = 2;

/** Functions that take or free a lock, by file, and the expression that names it. */
const TRACED: Readonly<Record<string, readonly (readonly [string, number, string])[]>> = {
  "assembly/lock/spinlock.ts": [
    ["spin_lock", ACQUIRE, "lock"],
    ["spin_lock_nested", ACQUIRE, "lock"],
    ["spin_unlock", RELEASE, "lock"],
  ],
  "assembly/lock/bit_spinlock.ts": [
    ["bit_spin_lock", ACQUIRE, "word"],
    ["bit_spin_unlock", RELEASE, "word"],
  ],
  "assembly/lock/rwsem.ts": [
    ["down_read", ACQUIRE, "changetype<usize>(sem) + 0x10000000"],
    ["down_write", ACQUIRE, "changetype<usize>(sem) + 0x10000000"],
    ["up_read", RELEASE, "changetype<usize>(sem) + 0x10000000"],
    ["up_write", RELEASE, "changetype<usize>(sem) + 0x10000000"],
  ],
  "assembly/mm/page_lock.ts": [["lock_page", ACQUIRE, "changetype<usize>(page) + 0x20000000"]],
};
/** Added to the address of a semaphore, to tell it from the spinlock that guards it. */
const SEMAPHORE = 0x1000_0000;
/** Added to the address of a page, to tell its lock from PG_maplock. */
const PAGE_LOCK = 0x2000_0000;

function traced(path: string): string {
  let source = readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
  for (const [name, event, lock] of TRACED[path] ?? []) {
    const head = new RegExp(`(export function ${name}\\([^)]*\\): void \\{\\n)`);
    if (!head.test(source)) throw new Error(`${path} has no ${name}`);
    source = source.replace(head, `$1  lock_event(${event}, ${lock});\n`);
  }
  const hook = `@external("arch", "lock_event")\ndeclare function lock_event(event: u32, lock: usize): void;\n`;
  return `${source}\n${hook}`;
}

/** Compiles the checking build of a kernel with the calls in it. */
export async function compileTraced(kernel: string): Promise<WebAssembly.Module> {
  const instead = Object.fromEntries(Object.keys(TRACED).map((path) => [path, traced(path)]));
  const source = `export * from "./assembly/index";`;
  return compileSnippet({ source, target: `${kernel}-check`, instead });
}

interface Held {
  readonly name: string;
  readonly lock: number;
}

/** Listens to one CPU. */
export class LockTrace {
  /** "outer > inner", for each pair that was seen. */
  readonly nested = new Set<string>();
  /** What was wrong by itself, order aside. */
  readonly wrong: string[] = [];
  #memory: MemoryViews | undefined;
  readonly #held: Held[] = [];

  /** Tells where the locks are. */
  watch(memory: MemoryViews): void {
    this.#memory = memory;
  }

  /** Locks that are held now. */
  held(): string[] {
    return this.#held.map(({ name }) => name);
  }

  /** For the kernel's import. */
  readonly lockEvent = (event: number, address: number): void => {
    if (this.#memory === undefined) return;
    const lock = address >>> 0;
    if (event === RELEASE) {
      const index = this.#held.findLastIndex((held) => held.lock === lock);
      if (index >= 0) this.#held.splice(index, 1);
      return;
    }
    const name = this.#classOf(lock);
    for (const held of this.#held) {
      this.nested.add(`${held.name} > ${name}`);
      if (held.lock === lock) this.wrong.push(`${name} is taken twice`);
      const sleeps = name === "mmap_sem" || name === "PG_locked";
      if (sleeps && !["mmap_sem", "PG_locked"].includes(held.name)) {
        this.wrong.push(`${name} is taken under the spinlock ${held.name}`);
      }
    }
    // The page lock is freed by unlock_page, which trylock_page needs too; it is seen being taken only.
    if (name !== "PG_locked") this.#held.push({ name, lock });
  };

  #classOf(lock: number): string {
    if (lock >= PAGE_LOCK) return "PG_locked";
    if (lock >= SEMAPHORE) return "mmap_sem";
    if (lock === KERNEL_GLOBALS + TlbFlush.tlbstate_lock) return "tlbstate_lock";
    if (lock === KERNEL_GLOBALS + 0x40) return "tasklist_lock";
    if (lock === MMLIST_LOCK) return "mmlist_lock";
    if (lock === RCU_STATE) return "rcu_state.lock";
    if (lock === FILES_LOCK) return "files_lock";
    if (lock === DISK) return "disk.lock";
    if (lock === SWAP_LIST) return "swap_list_lock";
    if (lock === SWAPPER_TREE_LOCK) return "tree_lock";
    if (lock >= SWAP_INFO && lock < SWAP_INFO + MAX_SWAPFILES * SWAP_INFO_STRIDE) {
      return "swap_device_lock";
    }
    if (lock >= ZONE_TABLE && lock < KERNEL_GLOBALS) {
      return (lock - ZONE_TABLE) % ZONE_STRIDE === Zone.lru_lock ? "lru_lock" : "Zone.lock";
    }
    if (lock >= CACHE_TABLE && lock < CACHE_TABLE + 0x1000) return "KmemCache.lock";
    if (lock >= PAGE_WAIT_TABLE && lock < PERCPU_AREAS) return "WaitQueue.lock";
    const cpus = getU32(this.#memory as MemoryViews, BOOT_PARAMS + BootParams.nr_cpus);
    if (lock >= PERCPU_AREAS && lock < PERCPU_AREAS + cpus * PERCPU_SIZE) return "runqueue_lock";
    return this.#isPage(lock) ? "PG_maplock" : this.#slabLock(lock);
  }

  #isPage(lock: number): boolean {
    const first =
      getU32(this.#memory as MemoryViews, BOOT_PARAMS + BootParams.first_free_pfn) * 4096;
    return lock >= MEM_MAP && lock < first;
  }

  #slabLock(lock: number): string {
    const memory = this.#memory as MemoryViews;
    const slab = lock - (lock % 4096);
    const cache = getU32(memory, slab + Slab.cache_id);
    const at = CACHE_TABLE + cache * 0x80;
    const [size, num] = [getU32(memory, at + 4), getU32(memory, at + 8)];
    const first = Math.ceil((slab + Slab.SIZE + num * 2) / OBJECT_ALIGN) * OBJECT_ALIGN;
    const offset = (lock - first) % size;
    const names: Readonly<Record<string, string>> = {
      [`${CACHE_MM} ${MmStruct.page_table_lock}`]: "page_table_lock",
      [`${CACHE_MM} ${MmStruct.mmap_sem_0}`]: "wait_lock",
      [`${CACHE_ANON_VMA} 0`]: "anon_vma.lock",
      [`${CACHE_INODE} ${Inode.tree_lock}`]: "tree_lock",
      [`${CACHE_INODE} ${Inode.i_mmap_lock}`]: "i_mmap_lock",
      [`${CACHE_INODE} ${Inode.i_sem_0}`]: "wait_lock",
    };
    return names[`${cache} ${offset}`] ?? `lock at ${offset} of cache ${cache}`;
  }
}
