// A guest that runs while its host swaps it. One CPU is the guest's: it loads and stores through a secondary MMU only, at
// random, and knows what each of its pages must hold. On another CPU a process uses more memory than there is, so
// that reclaim takes pages of the guest all the time. A load that finds anything else reached a frame that the
// primary had given away, or lost a store.

import {
  PERCPU_AREAS,
  PERCPU_RECLAIM,
  PERCPU_SIZE,
  ReclaimState,
} from "../../layout/structs.gen.ts";
import { getU32 } from "../../layout/view.ts";
import type { ProgramTask } from "../../machine/task.ts";
import { meet, nextPage } from "../reclaim/reclaim-programs.ts";
import type { GuestOrder, GuestOutcome } from "./orders.ts";

const PAGE = 4096;
const STOP = 2;
/** Accesses between two looks at the clock. */
const BURST = 16;
/** One access of so many is a store. */
const STORE_EVERY = 4;

/** What page `page` of the process on the other CPU holds: nothing that a guest stores. */
const hostWord = (page: number): number => 0x8000_0000 + page;

/** Accesses at random through the secondary MMU; what each page must hold is in `expected`. */
class Guest {
  operations = 0;
  stale = 0;
  readonly #task: ProgramTask;
  readonly #handle: number;
  readonly #start: number;
  readonly #expected: Uint32Array;
  readonly #state = { seed: 0x9e37_79b9 };

  constructor(task: ProgramTask, handle: number, start: number, pages: number) {
    this.#task = task;
    this.#handle = handle;
    this.#start = start;
    this.#expected = new Uint32Array(pages);
    for (let page = 0; page < pages; page++) {
      this.#expected[page] = page + 1;
      task.store32(start + page * PAGE, page + 1);
    }
    this.sweep();
  }

  /** Loads from every page. */
  sweep(): void {
    for (let page = 0; page < this.#expected.length; page++) {
      this.#look(page, this.#task.secondaryLoad32(this.#handle, this.#start + page * PAGE));
    }
  }

  /** One burst. */
  run(stores: boolean): void {
    const { length } = this.#expected;
    for (let i = 0; i < BURST; i++) {
      const page = nextPage(this.#state, length);
      const at = this.#start + page * PAGE;
      this.#look(page, this.#task.secondaryLoad32(this.#handle, at));
      this.operations++;
      if (!stores || i % STORE_EVERY !== 0) continue;
      const next = (((this.#expected[page] as number) + length) & 0x7fff_ffff) >>> 0;
      this.#expected[page] = next;
      this.#task.secondaryStore32(this.#handle, at, next);
      this.operations++;
    }
  }

  /** Compares everything with what the guest sees, and the process itself. */
  finish(): void {
    this.sweep();
    this.#expected.forEach((_, page) => {
      this.#look(page, this.#task.load32(this.#start + page * PAGE));
    });
  }

  #look(page: number, found: number): void {
    if (found === this.#expected[page]) return;
    this.stale++;
    this.#expected[page] = found;
  }
}

/** Pages that were read from swap, and written to it, since boot. */
function swapped({ cpu, cpus }: ProgramTask): { ins: number; outs: number } {
  const of = (field: number): number => {
    let sum = 0;
    for (let id = 0; id < cpus; id++) {
      sum += getU32(cpu, PERCPU_AREAS + id * PERCPU_SIZE + PERCPU_RECLAIM + field);
    }
    return sum;
  };
  return { ins: of(ReclaimState.pswpin), outs: of(ReclaimState.pswpout) };
}

/** The guest, and the process that it is a part of. */
export function guestMain(task: ProgramTask): GuestOutcome {
  const order = task.shared as GuestOrder;
  const { guestPages, milliseconds, stores, leastSwapOuts } = order;
  const words = new Int32Array(order.barrier);
  task.swapon({ length: order.swapBytes });
  task.fork("guestHost", { cpu: 1 });
  const start = task.mmap({ length: guestPages * PAGE, read: true, write: true });
  const handle = task.registerNotifier(order.client, start, guestPages);
  const guest = new Guest(task, handle, start, guestPages);
  meet(task, words);
  const countsBefore = task.secondaryCounts(handle);
  const before = swapped(task);
  const isEnough = (): boolean => swapped(task).outs - before.outs >= leastSwapOuts;
  const began = performance.now();
  while (performance.now() < began + milliseconds || !isEnough()) guest.run(stores);
  const seconds = (performance.now() - began) / 1000;
  const after = swapped(task);
  const counts = task.secondaryCounts(handle);
  const { operations } = guest;
  Atomics.store(words, STOP, 1);
  const { status, signal } = task.wait();
  if (status !== 0 || signal !== 0) throw new Error(`the host ended with ${status}, ${signal}`);
  guest.finish();
  const grown = (name: string): number => (counts[name] ?? 0) - (countsBefore[name] ?? 0);
  task.unregisterNotifier(handle);
  const [hostOperations = 0, damaged = 0] = new Float64Array(order.host);
  return {
    ...{ seconds, guestOperations: operations, hostOperations },
    ...{ swapIns: after.ins - before.ins, swapOuts: after.outs - before.outs },
    ...{ faults: grown("faults"), retries: grown("retries"), stale: guest.stale + damaged },
  };
}

/** The process on the other CPU. */
export function guestHost(task: ProgramTask): void {
  const order = task.shared as GuestOrder;
  const { hostPages } = order;
  const words = new Int32Array(order.barrier);
  const start = task.mmap({ length: hostPages * PAGE, read: true, write: true });
  for (let page = 0; page < hostPages; page++) task.store32(start + page * PAGE, hostWord(page));
  meet(task, words);
  const state = { seed: 0x2545_f491 };
  let operations = 0;
  let damaged = 0;
  while (Atomics.load(words, STOP) === 0) {
    for (let i = 0; i < BURST; i++) {
      const page = nextPage(state, hostPages);
      const at = start + page * PAGE;
      if (task.load32(at) !== hostWord(page)) damaged++;
      task.store32(at, hostWord(page));
      operations++;
    }
  }
  const results = new Float64Array(order.host);
  results[0] = operations;
  results[1] = damaged;
}
