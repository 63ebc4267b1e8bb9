// `racier notifiers`: what MMU notifiers cost. Registration against the number of VMAs, v13 beside 2.6.27; what an
// invalidation adds to munmap, a COW break, fork, page aging and reclaim, with nobody registered, with a client that
// does nothing and with those that do; an access of a guest; a guest that runs while its host swaps it; a heap that grows
// and shrinks under spinlocks and under semaphores. All cases take turns in each round; figures are medians of the rounds.

import type { Engine } from "../engine/contract.ts";
import { Interrupted } from "../kernel/error.ts";
import { createMachine, type Machine } from "../machine/machine.ts";
import { ownModule } from "../machine/program.ts";
import { CLIENTS } from "../notifier/clients/index.ts";
import {
  NOTIFIER_PROGRAMS,
  type AccessCost,
  type RegistrationCost,
} from "../workload/notifiers/notifier-programs.ts";
import {
  OPERATIONS,
  type GuestOutcome,
  type InvalidatingOperation,
  type InvalidationCost,
} from "../workload/notifiers/orders.ts";
import { allowedClients } from "./allowed-clients.ts";
import { hostFacts } from "./host.ts";
import type {
  AccessRow,
  BrkRow,
  GuestRow,
  Interval,
  InvalidationRow,
  NotifiersDocument,
  RegistrationRow,
} from "./notifiers-document.ts";
import { guestRound } from "./notifiers-guest.ts";
import { bootstrapChange, bootstrapMedian, median } from "./stats.ts";
import { takeTurns } from "./turns.ts";
import { racierVersion } from "./version.ts";

/** The kernel without notifiers that the others are built upon. */
export const WITHOUT = "2.6.9";
/** Those with notifiers. */
export const NOTIFIER_KERNELS: readonly string[] = ["mmn-v13", "mmn-v13+all", "2.6.27"];
/** Spinlocks of the reverse map, and the patches that make semaphores of them: alone, and with all others. */
export const BRK_KERNELS: readonly string[] = [
  "mmn-v13",
  "mmn-v13+i-mmap-sem+anon-vma-sem+mm-lock-sem",
  "mmn-v13+all",
];
/** Loops of brk in one round. */
const BRK_LOOPS = 1000;
/** Runs of each machine before anything is measured, so that all are compiled, however many clients each has. */
const WARM_UPS = 8;
/** The secondary MMU of a guest. */
const GUEST = "kvm";

/** What can be measured, each for itself. */
export const PARTS = ["registration", "invalidation", "access", "guest", "brk"] as const;
/** One of them. */
export type NotifiersPart = (typeof PARTS)[number];

/** What to measure. */
export interface NotifiersOptions {
  readonly parts: readonly NotifiersPart[];
  /** Kernels with notifiers, of all parts but brk. */
  readonly kernels: readonly string[];
  /** Kernels of brk, that with spinlocks first. */
  readonly brkKernels: readonly string[];
  /** Numbers of VMAs. */
  readonly vmas: readonly number[];
  /** Pages of an operation, at most 1024. */
  readonly pages: number;
  readonly rounds: number;
  /** Time of all rounds of the guest together. */
  readonly seconds: number;
  /** The checking builds, where other builds would have to be compiled first. @defaultValue false */
  readonly checking?: boolean;
  readonly onProgress?: (done: number, total: number, note: string) => void;
  readonly interrupted?: () => boolean;
}

/** Times that a program repeats an operation in one round. */
const REPEATS = 5;
/** Seed of the bootstrap: the same samples give the same interval. */
const SEED = 2008;
const DISK = "16M";

/** Something that is measured in every round. */
interface Case<Sample> {
  readonly note: string;
  readonly samples: Sample[];
  readonly step: () => Promise<void>;
}

function caseOf<Key extends object, Sample>(
  key: Key,
  note: string,
  measure: () => Promise<Sample>,
): Key & Case<Sample> {
  const samples: Sample[] = [];
  const step = async (): Promise<void> => {
    samples.push(await measure());
  };
  return { ...key, note, samples, step };
}

/** Runs a program on the machine of a kernel. */
type Run = <T>(kernel: string, program: string, args: number[]) => Promise<T>;
const NAMES = CLIENTS.map(({ name }) => name);

async function bootMachine(
  kernel: string,
  { parts, vmas: asked, checking = false }: NotifiersOptions,
  engine: Engine,
): Promise<Machine> {
  const vmas = parts.includes("registration") ? asked : [1];
  // A page of memory for each VMA, a page table for each 256 of them, and the struct.
  const mib = 64 + Math.ceil((Math.max(...vmas) * 4.5) / 1024);
  const machine = await createMachine({ kernel, checking, memory: `${mib}M`, disk: DISK }, engine);
  const module = ownModule("../workload/notifiers/notifier-programs", import.meta.url);
  await machine.load({ module, programs: NOTIFIER_PROGRAMS });
  return machine;
}

const registrationCases = (run: Run, { kernels, vmas: counts }: NotifiersOptions) =>
  counts.flatMap((vmas) =>
    kernels.map((kernel) =>
      caseOf({ kernel, vmas }, `${kernel}, ${vmas} VMAs`, async () =>
        run<RegistrationCost>(kernel, "registrationCost", [vmas, REPEATS]),
      ),
    ),
  );

const invalidationCases = (run: Run, { kernels, pages }: NotifiersOptions) =>
  [
    { kernel: WITHOUT, client: null },
    ...kernels.flatMap((kernel) =>
      [null, ...allowedClients(kernel)].map((client) => ({ kernel, client })),
    ),
  ].map(({ kernel, client }) =>
    caseOf({ kernel, client }, `${kernel}, ${client ?? "nobody"}`, async () =>
      run<InvalidationCost>(kernel, "invalidationCost", [
        ...[client === null ? -1 : NAMES.indexOf(client), pages, REPEATS],
      ]),
    ),
  );

const accessCases = (run: Run, { kernels, pages }: NotifiersOptions) =>
  kernels.map((kernel) =>
    caseOf({ kernel }, `${kernel}, a guest`, async () =>
      run<AccessCost>(kernel, "accessCost", [pages, REPEATS]),
    ),
  );

function guestCases(options: NotifiersOptions, engine: Engine) {
  const { kernels, rounds, seconds, checking = false } = options;
  const milliseconds = Math.max(20, (seconds * 1000) / (rounds * kernels.length));
  return kernels.map((kernel) =>
    caseOf({ kernel }, `${kernel}, a guest that is swapped`, async () =>
      guestRound({ kernel, client: GUEST, milliseconds, checking }, engine),
    ),
  );
}

/** What V8 has compiled on one machine differs from the next by more than the locks do: each round boots its own. */
async function brkRound(kernel: string, checking: boolean, engine: Engine) {
  const machine = await createMachine({ kernel, checking, memory: "16M" }, engine);
  try {
    const module = ownModule("../workload/notifiers/notifier-programs", import.meta.url);
    await machine.load({ module, programs: NOTIFIER_PROGRAMS });
    const cost = async (touches: number): Promise<number> =>
      (await machine.run("brkCost", { args: [BRK_LOOPS, touches, REPEATS] })) as number;
    await cost(1);
    return { none: await cost(0), touched: await cost(1) };
  } finally {
    await machine.stop();
  }
}

const brkCases = ({ brkKernels, checking = false }: NotifiersOptions, engine: Engine) =>
  brkKernels.map((kernel) =>
    caseOf({ kernel }, `${kernel}, brk`, async () => brkRound(kernel, checking, engine)),
  );

const interval = (values: readonly number[]): Interval => bootstrapMedian(values, { seed: SEED });
const of = <T, K extends keyof T>(samples: readonly T[], field: K): T[K][] =>
  samples.map((sample) => sample[field]);

type CasesOf<Maker extends (...args: never[]) => readonly unknown[]> = ReturnType<Maker>[number];

function registrationRow(each: CasesOf<typeof registrationCases>): RegistrationRow {
  const { kernel, vmas, samples } = each;
  const register = of(samples, "register");
  const unregister = of(samples, "unregister");
  return {
    ...{ kernel, vmas, rounds: samples.length },
    ...{ registerNs: median(register), registerCi95: interval(register) },
    ...{ unregisterNs: median(unregister), unregisterCi95: interval(unregister) },
  };
}

function invalidationRow(
  { kernel, client, samples }: CasesOf<typeof invalidationCases>,
  base: CasesOf<typeof invalidationCases> | undefined,
  operation: InvalidatingOperation,
): InvalidationRow {
  const values = of(samples, operation);
  const figure = { nsPerPage: median(values), ci95: interval(values) };
  const row = { kernel, client, operation, rounds: samples.length, ...figure };
  if (base === undefined) return { ...row, times: null, timesCi95: null };
  const { changePercent, ci95 } = bootstrapChange(of(base.samples, operation), values, {
    seed: SEED,
  });
  const times = (percent: number): number => 1 + percent / 100;
  return { ...row, times: times(changePercent), timesCi95: [times(ci95[0]), times(ci95[1])] };
}

function invalidationRows(cases: readonly CasesOf<typeof invalidationCases>[]): InvalidationRow[] {
  const base = cases.find(({ kernel }) => kernel === WITHOUT);
  return OPERATIONS.flatMap((operation) =>
    cases.map((each) => invalidationRow(each, each === base ? undefined : base, operation)),
  );
}

function accessRow({ kernel, samples }: CasesOf<typeof accessCases>): AccessRow {
  const hits = of(samples, "hit");
  const faults = of(samples, "fault");
  return {
    ...{ kernel, rounds: samples.length, hitNs: median(hits), hitCi95: interval(hits) },
    ...{ faultNs: median(faults), faultCi95: interval(faults) },
  };
}

function guestRow({ kernel, samples }: CasesOf<typeof guestCases>): GuestRow {
  const rates = (field: keyof GuestOutcome): number[] =>
    samples.map((sample) => sample[field] / sample.seconds);
  const sum = (field: keyof GuestOutcome): number =>
    samples.reduce((total, sample) => total + sample[field], 0);
  const guest = rates("guestOperations");
  const host = rates("hostOperations");
  return {
    ...{ kernel, client: GUEST, rounds: samples.length },
    ...{ guestPerSecond: median(guest), guestCi95: interval(guest) },
    ...{ hostPerSecond: median(host), hostCi95: interval(host) },
    swapInsPerSecond: median(rates("swapIns")),
    swapOutsPerSecond: median(rates("swapOuts")),
    faultsPerSecond: median(rates("faults")),
    ...{ retries: sum("retries"), stale: sum("stale") },
  };
}

function brkRows(cases: readonly CasesOf<typeof brkCases>[]): BrkRow[] {
  const [base] = cases;
  return (["none", "touched"] as const).flatMap((pages) =>
    cases.map((each): BrkRow => {
      const values = of(each.samples, pages);
      const spins = each === base;
      const { kernel, samples } = each;
      const locks = spins ? ("spinlocks" as const) : ("semaphores" as const);
      const row = { kernel, locks, touched: pages === "touched" };
      const figures = { rounds: samples.length, nsPerCall: median(values), ci95: interval(values) };
      const same = { ...row, ...figures };
      if (spins || base === undefined) return { ...same, changePercent: null, changeCi95: null };
      // Calls a second, as AIM9 counts them.
      const change = bootstrapChange(rates(of(base.samples, pages)), rates(values), { seed: SEED });
      return { ...same, changePercent: change.changePercent, changeCi95: change.ci95 };
    }),
  );
}

const rates = (ns: readonly number[]): number[] => ns.map((each) => 1e9 / each);

/** What cannot be measured, in sentences. */
function leftOut({ parts, kernels }: NotifiersOptions): string[] {
  if (!parts.includes("invalidation")) return [];
  return NAMES.flatMap((name) => {
    const where = kernels.filter((kernel) => !allowedClients(kernel).includes(name)).join(" and ");
    const why = "it sleeps in its methods, and some are called where nobody may";
    return where === "" ? [] : [`${name} is left out on ${where}: ${why}.`];
  });
}

/** Lets the compilers of each machine see what will be measured. */
async function warmUp(run: Run, { parts, pages, kernels }: NotifiersOptions) {
  for (let i = 0; i < WARM_UPS; i++) {
    if (parts.includes("invalidation")) {
      for (const kernel of [WITHOUT, ...kernels]) {
        await run(kernel, "invalidationCost", [-1, pages, REPEATS]);
      }
    }
  }
}

/** Kernels that need a machine which all rounds use. */
function machinesFor({ parts, kernels }: NotifiersOptions): ReadonlySet<string> {
  const own = parts.some((part) => part !== "guest" && part !== "brk") ? kernels : [];
  const base = parts.includes("invalidation") ? [WITHOUT] : [];
  return new Set([...base, ...own]);
}

const measured = <T extends { readonly samples: readonly unknown[] }>(cases: readonly T[]): T[] =>
  cases.filter(({ samples }) => samples.length > 0);

/**
 * Measures. Rejects with ConfigError; resolves with what was found so far when interrupted, and rejects with
 * Interrupted when that is nothing.
 */
export async function runNotifiers(
  options: NotifiersOptions,
  engine: Engine,
): Promise<NotifiersDocument> {
  const { parts, pages, rounds } = options;
  const machines = new Map<string, Machine>();
  const run: Run = async <T>(kernel: string, program: string, args: number[]) =>
    (await machines.get(kernel)?.run(program, { args, shared: NAMES })) as T;
  const has = (part: NotifiersPart): boolean => parts.includes(part);
  const cases = {
    registration: has("registration") ? registrationCases(run, options) : [],
    invalidation: has("invalidation") ? invalidationCases(run, options) : [],
    access: has("access") ? accessCases(run, options) : [],
    guest: has("guest") ? guestCases(options, engine) : [],
    brk: has("brk") ? brkCases(options, engine) : [],
  };
  let interrupted: boolean;
  try {
    for (const kernel of machinesFor(options)) {
      machines.set(kernel, await bootMachine(kernel, options, engine));
    }
    await warmUp(run, options);
    const all: readonly Case<unknown>[] = Object.values(cases).flat();
    const step = async (each: Case<unknown>): Promise<void> => each.step();
    interrupted = await takeTurns(all, rounds, options, step, ({ note }) => note);
  } finally {
    await Promise.all([...machines.values()].map((machine) => machine.stop()));
  }
  const doc: NotifiersDocument = {
    ...{ command: "notifiers", version: racierVersion(), host: hostFacts() },
    ...{ pages, rounds, interrupted },
    registration: measured(cases.registration).map(registrationRow),
    invalidation: invalidationRows(measured(cases.invalidation)),
    access: measured(cases.access).map(accessRow),
    guest: measured(cases.guest).map(guestRow),
    brk: brkRows(measured(cases.brk)),
    leftOut: leftOut(options),
  };
  if (!Object.values(cases).some((part) => measured<Case<unknown>>(part).length > 0)) {
    throw new Interrupted("interrupted before the first measurement: nothing was measured");
  }
  return doc;
}
