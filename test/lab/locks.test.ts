// Every lock of the lab before the same examiners, and locks that are broken on purpose, which must not pass.

import { readFileSync } from "node:fs";
import { afterAll, describe, expect, test } from "vitest";
import { LOCKS, lockNamed } from "../../src/lab/catalogue.ts";
import { lockSource, textSource, type LockSource } from "../../src/lab/sources.ts";
import { AT, LabThreads, alone, explore, serve } from "../examination/lab.ts";

const MOST_OVERTAKING = { fifo: 2, bounded: 80 };

describe.each(LOCKS)("$name", ({ name, promises }) => {
  const source = lockSource(name);

  test("alone: a trylock gets a free lock and no other, and misuse is refused", async () => {
    const [zero, one] = await alone(source);
    const [first, second] = [AT.node(0), AT.node(1)];
    if (zero.HAS_TRY.value === 1) {
      for (let round = 0; round < 3; round++) {
        expect(zero.try_acquire(AT.lock, first)).toBe(1);
        expect(one.try_acquire(AT.lock, second)).toBe(0);
        zero.release(AT.lock, first);
        one.acquire(AT.lock, second);
        expect(zero.try_acquire(AT.lock, first)).toBe(0);
        one.release(AT.lock, second);
      }
    }
    if (zero.HAS_TRY_SHARED.value === 1) {
      zero.acquire_shared(AT.lock, first);
      expect(one.try_acquire_shared(AT.lock, second)).toBe(1);
      expect(zero.try_acquire(AT.lock, first)).toBe(0);
      one.release_shared(AT.lock, second);
      zero.release_shared(AT.lock, first);
      zero.acquire(AT.lock, first);
      expect(one.try_acquire_shared(AT.lock, second)).toBe(0);
      zero.release(AT.lock, first);
    }
    expect(() => {
      zero.acquire_twice(AT.lock, first);
    }).toThrow(WebAssembly.RuntimeError);
    expect(() => {
      one.release_free(AT.lock);
    }).toThrow(WebAssembly.RuntimeError);
  });

  test("2 CPUs, explored: every behaviour is right", async () => {
    expect(await explore(source, {})).toMatchObject({ rule: undefined, ended: true });
  });

  test("4 CPUs that queue up are served as it promises", async () => {
    const { order, before } = await serve(source);
    if (promises.fifo === true) expect(order).toEqual([0, 1, 2, 3]);
    if (promises.bounded === true) expect(before).toBeLessThanOrEqual(MOST_OVERTAKING.bounded);
    else expect(before).toBeGreaterThan(MOST_OVERTAKING.bounded);
  });
});

test.each(["mcs", "clh", "hemlock", "qspinlock", "rwlock", "rwsem-spin", "mutex-spin"])(
  "%s: 3 CPUs, explored with one preemption: all is right",
  async (name) => {
    const { rule, ended } = await explore(lockSource(name), { cpus: 3, preemptions: 1 });
    expect([rule, ended]).toEqual([undefined, true]);
  },
);

describe("on threads", () => {
  const two = new LabThreads(2);
  const four = new LabThreads(4);
  afterAll(async () => {
    await Promise.all([two.stop(), four.stop()]);
  });

  test.each(LOCKS)(
    "$name loses no count, and shows no reader half of a change",
    async ({ name }) => {
      const right = { lost: 0, broken: 0 };
      expect(await two.hammer(lockSource(name), 10_000)).toEqual(right);
      expect(await four.hammer(lockSource(name), 200)).toEqual(right);
    },
  );
});

describe("a lock that is broken on purpose is found out:", () => {
  /** A lock of the catalogue in which one sentence says something else. */
  function broken(name: string, from: string, to: string): LockSource {
    const { file } = lockNamed(name);
    const text = readFileSync(new URL(`../../assembly/${file}.ts`, import.meta.url), "utf8");
    if (text.split(from).length !== 2) throw new Error(`${file} has not one "${from}"`);
    const own = text
      .replace(from, to)
      .replaceAll('from "../', 'from "racier/')
      .replaceAll('from "./', 'from "racier/lock/');
    return { ...textSource(`/nowhere/${name}.ts`, own), entry: lockNamed(name) };
  }

  test.each([
    [
      "ttas",
      "frees with a plain store",
      "smp_store_release<u32>(lock, 0)",
      "store<u32>(lock, 0)",
      "data race",
    ],
    [
      "ticket",
      "overwrites tickets",
      "smp_store_release<u16>(lock, read_once<u16>(lock) + 1)",
      "smp_store_release<u32>(lock, read_once<u32>(lock) + 1)",
      undefined,
    ],
    [
      "anderson",
      "does not clear its slot",
      "  write_once<u32>(slot, 0);\n  changetype<AndersonLock>(lock).holder = number;\n}\n\n/** Takes the lock if",
      "  changetype<AndersonLock>(lock).holder = number;\n}\n\n/** Takes the lock if",
      undefined,
    ],
    ["clh", "takes its own cell again", "own.mine = own.before;", "", "deadlock"],
    ["mcs", "forgets a newcomer", "next = mcs_newcomer(node);", "return;", "deadlock"],
    [
      "hemlock",
      "does not say that it has seen the hand-over",
      "smp_store_release<usize>(before, 0);",
      "",
      "deadlock",
    ],
    [
      "qspinlock",
      "does not wait when it is pending",
      "wait_for_word(lock, LOCKED_MASK);",
      "",
      undefined,
    ],
    ["cohort", "keeps the lock above when nobody waits", "others_wait(local) && ", "", "deadlock"],
    [
      "rwlock",
      "lets a reader in with a writer",
      "if ((word & WRITER) == 0) break;",
      "break;",
      undefined,
    ],
    [
      "brlock",
      "locks all but the first",
      "for (let cpu: u32 = 0; cpu < cpus; cpu++) ticket_lock",
      "for (let cpu: u32 = 1; cpu < cpus; cpu++) ticket_lock",
      undefined,
    ],
    [
      "seqlock",
      "does not say that it writes",
      "  begin_to_write(lock);\n}\n\n/** Takes the lock for writing if",
      "}\n\n/** Takes the lock for writing if",
      undefined,
    ],
    ["rcu", "does not wait for readers", "  wait_for_readers(lock);\n}", "}", undefined],
    [
      "rwsem",
      "lets a reader in with a writer",
      "if (sem.activity >= 0 && list_empty(wait_list(sem))) {",
      "if (list_empty(wait_list(sem))) {",
      undefined,
    ],
    [
      "rwsem-spin",
      "lets sleepers sleep",
      "if ((before & READERS) == 1) unpark_all(sem + SLEEPERS);",
      "",
      undefined,
    ],
    [
      "mutex",
      "loses a waiter",
      "else wake_waiter(list_next(wait_list(mutex)));",
      "else mutex.held = 0;",
      "deadlock",
    ],
    [
      "mutex-spin",
      "does not look again before it sleeps",
      "if (mutex_spin_trylock(mutex)) {\n      park_cancel",
      "if (false) {\n      park_cancel",
      "deadlock",
    ],
  ])("%s %s", async (name, _, from, to, rule) => {
    const found = await explore(broken(name, from, to), {});
    expect(found.rule).toBeDefined();
    if (rule !== undefined) expect(found.rule).toBe(rule);
  });

  test("a lock that lets two in loses counts on threads", async () => {
    const two = new LabThreads(2);
    const none = broken(
      "tas",
      "while (atomic_xchg<u32>(lock, 1) != 0) turn = cpu_relax(turn);",
      "atomic_xchg<u32>(lock, 1); turn;",
    );
    let lost = 0;
    for (let i = 0; i < 20 && lost === 0; i++) ({ lost } = await two.hammer(none, 1_000_000));
    await two.stop();
    expect(lost).toBeGreaterThan(0);
  });
});
