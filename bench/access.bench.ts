// The price of small things. Asks: what does a program pay for a load and a store that hit the TLB, for
// one that walks the page tables, and for a syscall?
// Not asked here: page faults (linux.bench.ts), find_vma and mmap (vma.bench.ts).
//
// Accesses come in two kinds: one call of the program for each word, which pays for the way from
// JavaScript into wasm and back each time, and touch(), which stays in wasm for a range of pages.

import { Bench } from "tinybench";
import { DirectMachine } from "./direct.ts";
import { WorkHash, begin, printResult, sized } from "./harness.ts";
import type { Line } from "./harness.ts";

const SAMPLES = sized(4, 300);
const WARMUP = sized(1, 100);
/** Accesses in one sample. */
const ACCESSES = sized(1024, 16_384);
/** Syscalls in one sample. */
const SYSCALLS = sized(64, 2048);
/** Less than the 512 pages that the TLB holds, and more. */
const FEW_PAGES = 64;
const MANY_PAGES = 4096;
const PAGE = 4096;

/** Something to measure: `units` of it in each call of `work`. */
interface Case {
  readonly name: string;
  readonly units: number;
  readonly work: () => void;
}

const machine = new DirectMachine("2.6.9", "64M");
const task = machine.spawn();
const base: number = task.mmap({ length: MANY_PAGES * PAGE, read: true, write: true });
task.touch(base, MANY_PAGES * PAGE);

/** Loads one word of each of `pages` pages in turn. */
function loads(name: string, pages: number): Case {
  const work = (): void => {
    for (let i = 0; i < ACCESSES; i++) task.load32(base + (i % pages) * PAGE);
  };
  return { name, units: ACCESSES, work };
}

/** Stores one word of each of `pages` pages in turn. */
function stores(name: string, pages: number): Case {
  const work = (): void => {
    for (let i = 0; i < ACCESSES; i++) task.store32(base + (i % pages) * PAGE, i);
  };
  return { name, units: ACCESSES, work };
}

/** Touches of `pages` pages in one call. */
function touches(name: string, pages: number, kind: "read" | "write"): Case {
  const rounds = Math.ceil(ACCESSES / pages);
  const work = (): void => {
    for (let i = 0; i < rounds; i++) task.touch(base, pages * PAGE, kind);
  };
  return { name, units: rounds * pages, work };
}

function syscalls(name: string, call: () => unknown): Case {
  const work = (): void => {
    for (let i = 0; i < SYSCALLS; i++) call();
  };
  return { name, units: SYSCALLS, work };
}

const CASES: readonly Case[] = [
  loads("load32, TLB hit", FEW_PAGES),
  stores("store32, TLB hit", FEW_PAGES),
  loads("load32, TLB miss and walk", MANY_PAGES),
  stores("store32, TLB miss and walk", MANY_PAGES),
  touches("touch a page, read, TLB hit", FEW_PAGES, "read"),
  touches("touch a page, write, TLB hit", FEW_PAGES, "write"),
  touches("touch a page, read, walk", MANY_PAGES, "read"),
  touches("touch a page, write, walk", MANY_PAGES, "write"),
  syscalls("getrusage: no lock", () => task.usage()),
  syscalls("brk(0): mmap_sem", () => task.brk(0)),
  syscalls("mprotect, nothing to change", () => {
    task.mprotect(base, PAGE, { read: true, write: true });
  }),
  syscalls("madvise(DONTNEED) of nothing", () => {
    task.madviseDontneed(base + (MANY_PAGES - 1) * PAGE, PAGE);
  }),
];

/** Measures the cases one after another; ns a unit, a sample each. */
async function measure(): Promise<Line[]> {
  const bench = new Bench({
    time: 0,
    iterations: SAMPLES,
    warmupTime: 0,
    warmupIterations: WARMUP,
    retainSamples: true,
    throws: true,
  });
  for (const { name, work } of CASES) bench.add(name, work);
  const tasks = await bench.run();
  return tasks.map(({ result }, index) => {
    const { name, units } = CASES[index]!;
    if (result.state !== "completed") throw new Error(`${name} was not measured: ${result.state}`);
    const samples = result.latency.samples ?? [];
    return { what: name, unit: "ns", ours: samples.map((ms) => (ms * 1e6) / units) };
  });
}

begin("What do a memory access and a syscall of a program cost?");
const hash = new WorkHash();
const lines = await measure();
hash.add(machine.rss(machine.mmOf(task)), task.usage().minorFaults);
printResult(lines, "racier", undefined, hash);
