// A recorded interleaving against what is known of it otherwise: stepping through it gives each access the
// value that it found, locks exclude each other, and the steps that matter are those of the document.

import { beforeAll, describe, expect, test } from "vitest";
import type { ExploreDocument } from "../../src/experiment/explore-document.ts";
import { HeldLocks } from "../../src/experiment/explore-locks.ts";
import { recordTimeline, type Timeline } from "../../src/experiment/explore-timeline.ts";
import { NOTHING_OFF, runExplore } from "../../src/experiment/explore.ts";
import { Stepper } from "../../src/report/timeline/stepper.ts";

describe.each([["2.6.9"], ["2.6.8"]])("copy on write against unmap, %s broken", (kernel) => {
  let doc: ExploreDocument;
  let timeline: Timeline;
  let stepper: Stepper;

  beforeAll(async () => {
    doc = await runExplore({
      ...{ subject: "unmap-access", kernel, without: ["no-flush-before-free"], off: NOTHING_OFF },
      ...{ strategy: "mix", seed: 1, depth: 3, seconds: Infinity, executions: 2000 },
      workers: 1,
    });
    timeline = await recordTimeline(doc.failure?.schedule ?? "", NOTHING_OFF);
    stepper = new Stepper(timeline);
  });

  test("it is the interleaving of the document", () => {
    expect(timeline.events).toHaveLength(doc.failure?.shrunk.events ?? 0);
    const matter = stepper.visited(false).map((step) => timeline.events[step]?.event);
    expect(matter).toEqual(doc.failure?.steps.map(({ event }) => event));
    expect(stepper.visited(true)).toHaveLength(timeline.events.length);
  });

  test("after each step its field has the value that the step left", () => {
    for (const [step, { field, before, after, writes }] of timeline.events.entries()) {
      const state = stepper.valuesAt(step).get(field);
      expect(state?.value ?? null).toBe(after ?? before);
      if (writes) expect(state?.written).toBe(step);
    }
  });

  test("a value stays until a step changes it", () => {
    const last = timeline.events.length - 1;
    for (const [number, { value, told }] of stepper.valuesAt(last)) {
      expect(stepper.valuesAt(told).get(number)?.value).toBe(value);
    }
  });

  test("no lock is held twice, but a semaphore by readers, and some are held", () => {
    for (const locks of timeline.locks) {
      const held = locks.flat().filter((name) => !name.endsWith("_sem"));
      expect(new Set(held).size).toBe(held.length);
    }
    const names = new Set(timeline.locks.flat(2).map((name) => name.replace(/^.*\./, "")));
    expect([...names]).toEqual(expect.arrayContaining(["mmap_sem (write)", "page_table_lock"]));
  });

  test("page_table_lock is held by whoever changes rss", () => {
    const changes = doc.failure?.steps.filter(
      ({ object, after }) => object.endsWith(".rss") && after,
    );
    for (const { object, locks } of changes ?? []) {
      expect(locks).toContain(object.replace("rss", "page_table_lock"));
    }
  });
});

describe("locks by their values", () => {
  const see = (
    held: HeldLocks,
    cpu: number,
    name: string,
    object: string,
    from: number,
    to: number,
  ) => {
    const bits = (value: number): bigint => BigInt(value >>> 0);
    held.see({ cpu, function: name, object, before: bits(from), after: bits(to) });
  };

  test("a spinlock goes from 0 to 1 and back; a failed attempt takes nothing", () => {
    const held = new HeldLocks(2);
    see(held, 0, "spin_lock", "zone[0].lru_lock", 0, 1);
    see(held, 1, "spin_lock", "zone[0].lru_lock", 1, 1);
    expect(held.ofAll()).toEqual([["zone[0].lru_lock"], []]);
    see(held, 0, "lru_add_drain", "zone[0].lru_lock", 1, 0);
    expect(held.ofAll()).toEqual([[], []]);
  });

  test("bits of page->flags are locks of their own", () => {
    const held = new HeldLocks(2);
    see(held, 0, "do_wp_page", "page[50].flags", 116, 117);
    see(held, 1, "page_add_anon_rmap", "page[50].flags", 117, 117 | 32_768);
    expect(held.ofAll()).toEqual([["page[50].PG_locked"], ["page[50].PG_maplock"]]);
    see(held, 0, "unlock_page", "page[50].flags", 117 | 32_768, 116 | 32_768);
    expect(held.ofAll()).toEqual([[], ["page[50].PG_maplock"]]);
  });

  test("a semaphore is handed to the sleeper that is woken", () => {
    const held = new HeldLocks(2);
    see(held, 0, "down_read", "mm[1.2].mmap_sem_1", 0, 1);
    see(held, 0, "up_read", "mm[1.2].mmap_sem_1", 1, 0);
    see(held, 0, "rwsem_do_wake", "mm[1.2].mmap_sem_1", 0, -1);
    expect(held.ofAll()).toEqual([[], []]);
    see(held, 0, "rwsem_do_wake", "cpu[1].waiter_woken", 0, 1);
    expect(held.ofAll()).toEqual([[], ["mm[1.2].mmap_sem (write)"]]);
    see(held, 1, "downgrade_write", "mm[1.2].mmap_sem_1", -1, 1);
    expect(held.of(1)).toEqual(["mm[1.2].mmap_sem"]);
    see(held, 1, "up_read", "mm[1.2].mmap_sem_1", 1, 0);
    expect(held.of(1)).toEqual([]);
  });
});
