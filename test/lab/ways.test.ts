// The ways to take a lock that racier locks adds to it: to try a number of times and give up, and to try and then
// sleep. Of every lock that can be tried two CPUs are explored in every order: no change is lost, and no wake-up.

import { describe, expect, test } from "vitest";
import { LOCKS } from "../../src/lab/catalogue.ts";
import { EXPLORED_AT } from "../../src/lab/explored.ts";
import { lockSource } from "../../src/lab/sources.ts";
import { explore } from "../examination/lab.ts";

/** Locks without a trylock: --acquire try and park leave them out. */
const UNTRIED = ["clh", "rcu"];
const { lock, data, nodes, nodeBytes } = EXPLORED_AT;

/** CPU 0 takes the lock once and sleeps if need be; CPU 1 does `other`. All who free it look for sleepers. */
const entry = (
  parks: string,
  other = "park(); try_twice();",
): string => `import * as lock from "racier/subject";
import { smp_processor_id } from "racier/arch/percpu";
import { Data } from "racier/lab/bench/section";
import { BENCH_PARK, BENCH_TRY, give, take } from "racier/lab/bench/take";
const DATA = changetype<Data>(${data});
function node(): usize { return ${nodes} + smp_processor_id() * ${nodeBytes}; }
function park(): void {
  take(BENCH_PARK, false, ${lock}, node(), DATA, 1);
  change();
  give(${parks}, false, ${lock}, node(), DATA);
}
function try_twice(): void {
  if (!take(BENCH_TRY, false, ${lock}, node(), DATA, 2)) return;
  change();
  give(${parks}, false, ${lock}, node(), DATA);
}
function change(): void {
  DATA.begun = DATA.begun + 1;
  const turns: usize = ${data} + 0x100 + smp_processor_id() * 8;
  store<u64>(turns, load<u64>(turns) + 1);
}
export function setup(): void { if (isDefined(lock.init)) lock.init(${lock}, 2); }
export function cpu0(): void { park(); }
export function cpu1(): void { ${other} }
export function check(): bool {
  return DATA.begun == load<u64>(${data} + 0x100) + load<u64>(${data} + 0x108) && DATA.parked == 0;
}
`;

describe("to try and give up, to try and sleep", () => {
  test.each(LOCKS.filter(({ name }) => !UNTRIED.includes(name)))(
    "$name: two CPUs in every order lose nothing",
    async ({ name, promises }) => {
      // A lock that hands itself over has a spinlock inside, and many steps: CPU 1 parks and does no more.
      const other = promises.sleeps === true && promises.fifo === true ? "park();" : undefined;
      const found = await explore(lockSource(name), { entry: entry("BENCH_PARK", other) });
      expect(found).toMatchObject({ rule: undefined, ended: true });
    },
  );

  test("who frees a lock and does not look for sleepers is found", async () => {
    const found = await explore(lockSource("ttas"), { entry: entry("BENCH_TRY") });
    expect(found.rule).toBe("deadlock");
  });
});
