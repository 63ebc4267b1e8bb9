// `racier notifiers`: what MMU notifiers cost. Registration against the number of VMAs, v13 beside 2.6.27; what an
// invalidation adds to munmap, a COW break, fork and page aging, with nobody registered, with a client that does nothing
// and with those that do; an access of a guest. Kernels take turns in each round; figures are medians of the rounds.

import type { Engine } from "../engine/contract.ts";
import { createMachine, type Machine } from "../machine/machine.ts";
import { ownModule } from "../machine/program.ts";
import {
  NOTIFIER_PROGRAMS,
  type AccessCost,
  type InvalidationCost,
  type RegistrationCost,
} from "../workload/notifiers/notifier-programs.ts";
import { hostFacts, type HostFacts } from "./host.ts";
import { median } from "./stats.ts";
import { inTurn } from "./turns.ts";
import { racierVersion } from "./version.ts";

/** The kernel without notifiers that the others are built upon. */
const WITHOUT = "2.6.9";
const KERNELS = ["mmn-v13", "2.6.27"] as const;
const CLIENTS = ["empty", "kvm", "gru"] as const;

/** What to measure. */
export interface NotifiersOptions {
  /** Numbers of VMAs. */
  readonly vmas: readonly number[];
  /** Pages of an operation, at most 1024. */
  readonly pages: number;
  readonly rounds: number;
}

/** A registration on one kernel. */
export interface RegistrationRow {
  readonly kernel: string;
  readonly vmas: number;
  readonly registerNs: number;
  readonly unregisterNs: number;
}

/** Operations on one kernel with one client, in ns a page. */
export interface InvalidationRow {
  readonly kernel: string;
  /** null: nobody is registered. */
  readonly client: string | null;
  readonly munmapNs: number;
  readonly cowNs: number;
  readonly forkNs: number;
  readonly agingNs: number;
}

/** Accesses of a guest on one kernel. */
export interface AccessRow {
  readonly kernel: string;
  readonly hitNs: number;
  readonly faultNs: number;
}

/** What `racier notifiers --json` prints. */
export interface NotifiersDocument {
  readonly command: "notifiers";
  readonly version: string;
  readonly host: HostFacts;
  readonly pages: number;
  readonly rounds: number;
  readonly registration: readonly RegistrationRow[];
  readonly invalidation: readonly InvalidationRow[];
  readonly access: readonly AccessRow[];
}

/** Times that a program repeats an operation in one round. */
const REPEATS = 5;

type Costs = Readonly<Record<string, number>>;

/** The median of each field. */
function medians<T extends object>(rounds: readonly T[]): T {
  const [first] = rounds;
  const fields = Object.keys(first ?? {});
  const values = (field: string): number[] => rounds.map((round) => (round as Costs)[field] ?? 0);
  return Object.fromEntries(fields.map((field) => [field, median(values(field))])) as T;
}

async function bootMachine(
  kernel: string,
  vmas: readonly number[],
  engine: Engine,
): Promise<Machine> {
  // A page of memory for each VMA, a page table for each 256 of them, and the struct.
  const mib = 64 + Math.ceil((Math.max(...vmas) * 4.5) / 1024);
  const machine = await createMachine({ kernel, memory: `${mib}M` }, engine);
  const module = ownModule("../workload/notifiers/notifier-programs", import.meta.url);
  await machine.load({ module, programs: NOTIFIER_PROGRAMS });
  return machine;
}

/** Runs a program on the machine of a kernel. */
type Run = <T>(kernel: string, program: string, args: number[]) => Promise<T>;

/** The medians of each case, over rounds in which the cases take turns. */
async function mediansOf<T extends object>(
  rounds: number,
  cases: readonly (() => Promise<T>)[],
): Promise<T[]> {
  const series = cases.map((measure) => ({ measure, results: [] as T[] }));
  for (let round = 0; round < rounds; round++) {
    for (const { measure, results } of inTurn(series, round)) results.push(await measure());
  }
  return series.map(({ results }) => medians(results));
}

async function registrations(run: Run, options: NotifiersOptions): Promise<RegistrationRow[]> {
  const places = options.vmas.flatMap((vmas) => KERNELS.map((kernel) => ({ kernel, vmas })));
  const costs = await mediansOf(
    options.rounds,
    places.map(
      ({ kernel, vmas }) =>
        async () =>
          run<RegistrationCost>(kernel, "registrationCost", [vmas, REPEATS]),
    ),
  );
  return costs.map(({ register, unregister }, i) => {
    const place = places[i] as (typeof places)[number];
    return { ...place, registerNs: register, unregisterNs: unregister };
  });
}

async function invalidations(run: Run, options: NotifiersOptions): Promise<InvalidationRow[]> {
  const clients = [-1, ...CLIENTS.keys()];
  const setups = [
    { kernel: WITHOUT, client: -1 },
    ...KERNELS.flatMap((kernel) => clients.map((client) => ({ kernel, client }))),
  ];
  const costs = await mediansOf(
    options.rounds,
    setups.map(
      ({ kernel, client }) =>
        async () =>
          run<InvalidationCost>(kernel, "invalidationCost", [client, options.pages, REPEATS]),
    ),
  );
  return costs.map(({ munmap, cow, fork, aging }, i) => {
    const { kernel, client } = setups[i] as (typeof setups)[number];
    const times = { munmapNs: munmap, cowNs: cow, forkNs: fork, agingNs: aging };
    return { kernel, client: CLIENTS[client] ?? null, ...times };
  });
}

async function accesses(run: Run, options: NotifiersOptions): Promise<AccessRow[]> {
  const costs = await mediansOf(
    options.rounds,
    KERNELS.map(
      (kernel) => async () => run<AccessCost>(kernel, "accessCost", [options.pages, REPEATS]),
    ),
  );
  return costs.map(({ hit, fault }, i) => ({
    ...{ kernel: KERNELS[i] as string, hitNs: hit, faultNs: fault },
  }));
}

/** Measures. Rejects with ConfigError. */
export async function runNotifiers(
  options: NotifiersOptions,
  engine: Engine,
): Promise<NotifiersDocument> {
  const { vmas, pages, rounds } = options;
  const machines = new Map<string, Machine>();
  const run: Run = async <T>(kernel: string, program: string, args: number[]) =>
    (await machines.get(kernel)?.run(program, { args, shared: CLIENTS })) as T;
  try {
    for (const kernel of [WITHOUT, ...KERNELS]) {
      machines.set(kernel, await bootMachine(kernel, vmas, engine));
    }
    return {
      ...{ command: "notifiers", version: racierVersion(), host: hostFacts(), pages, rounds },
      registration: await registrations(run, options),
      invalidation: await invalidations(run, options),
      access: await accesses(run, options),
    };
  } finally {
    await Promise.all([...machines.values()].map((machine) => machine.stop()));
  }
}
