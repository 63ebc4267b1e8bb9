// The loops of fork and exit. Asks: what does wasm cost in copy_pte_range and in zap_pte_range, of each
// kernel, against the same algorithm in C?
// Not asked here: page tables, VMAs, the host's part of fork (fork-exit.bench.ts), contention.

import { DirectMachine, KERNELS } from "./direct.ts";
import { WorkHash, begin, printResult, sayNativeProblem, sized, takeTurns } from "./harness.ts";
import type { Line } from "./harness.ts";
import { type NativeProgram, type TwinKernel, openTwin } from "./native.ts";
import { median } from "../src/experiment/stats.ts";
import { dupMm } from "../src/mm/fork.ts";
import { VM_DATA_FLAGS } from "../src/mm/map.ts";
import { pteAt } from "../test/support/inspect.ts";

/** With BENCH=full every generation: those that are not shipped are compiled first. */
const KERNELS_MEASURED = sized<readonly TwinKernel[]>(KERNELS, ["2.6.6", "anonmm", ...KERNELS]);
const SIZES = [512, 16_384];
const CPUS = [1, 2];
const ROUNDS = sized(2, 40);
/** PTEs copied, or zapped, in one round and side. */
const PTES_A_ROUND = sized(16_384, 1_048_576);
const BASE = 2 ** 40;
const TABLE_BYTES = 512 * 4096;

/** A parent and its child with the same pages, as the twin builds them. */
class Pair {
  readonly #machine: DirectMachine;
  readonly #pages: number;
  readonly #child: number;
  readonly #tables: { src: number; dst: number; count: number }[] = [];

  constructor(kernel: string, cpus: number, pages: number) {
    this.#machine = new DirectMachine(kernel, "256M", cpus);
    this.#pages = pages;
    const { cpu } = this.#machine;
    const parent = this.#machine.spawn();
    const length = pages * 4096;
    parent.mmap({ length, hint: BASE, fixed: true, read: true, write: true });
    parent.touch(BASE, length);
    cpu.k.lru_add_drain();
    const mm = this.#machine.mmOf(parent);
    this.#child = dupMm(cpu, mm);
    for (let at = BASE; at < BASE + length; at += TABLE_BYTES) {
      const count = Math.min(512, (BASE + length - at) / 4096);
      this.#tables.push({ src: pteAt(cpu, mm, at), dst: pteAt(cpu, this.#child, at), count });
    }
    this.zap();
  }

  copy(): void {
    const { k } = this.#machine.cpu;
    for (const { src, dst, count } of this.#tables) {
      k.copy_pte_range(this.#child, dst, src, count, VM_DATA_FLAGS);
    }
  }

  zap(): void {
    const { k } = this.#machine.cpu;
    k.tlb_gather_mmu(this.#child, 0);
    for (const { dst, count } of this.#tables) k.zap_pte_range(dst, count);
    k.tlb_finish_mmu();
  }

  /** Copies and zaps until enough is done; ns a PTE of each, the medians. */
  measure(): { copy: number; zap: number } {
    const copies: number[] = [];
    const zaps: number[] = [];
    for (let done = 0; done < PTES_A_ROUND; done += this.#pages) {
      const start = performance.now();
      this.copy();
      const middle = performance.now();
      this.zap();
      const end = performance.now();
      copies.push(((middle - start) * 1e6) / this.#pages);
      zaps.push(((end - middle) * 1e6) / this.#pages);
    }
    return { copy: median(copies), zap: median(zaps) };
  }

  /** Notes what a copy does: pages that the child maps, before and after. */
  prove(hash: WorkHash): void {
    this.copy();
    hash.add(this.#pages, this.#machine.rss(this.#child));
    this.zap();
    hash.add(this.#machine.rss(this.#child));
  }
}

/** Measures one kernel, on one number of CPUs, with one number of PTEs. */
async function measure(
  twin: NativeProgram | undefined,
  [kernel, cpus, pages]: [string, number, number],
  hash: WorkHash,
): Promise<Line[]> {
  const pair = new Pair(kernel, cpus, pages);
  for (let i = 0; i < sized(1, 10); i++) pair.measure();
  pair.prove(hash);
  const repetitions = PTES_A_ROUND / pages;
  const zaps: { ours: number[]; theirs: number[] } = { ours: [], theirs: [] };
  await twin?.run(`cpus ${cpus}`);
  const ours = (): number => {
    const { copy, zap } = pair.measure();
    zaps.ours.push(zap);
    return copy;
  };
  const theirs = async (program: NativeProgram): Promise<number> => {
    const copy = median(await program.run(`copy ${pages} ${repetitions}`));
    zaps.theirs.push(median(await program.run(`zap ${pages} ${repetitions}`)));
    return copy;
  };
  const sides = twin === undefined ? [ours] : [ours, () => theirs(twin)];
  const copies = await takeTurns(ROUNDS, sides);
  const line = (loop: string, own: number[], other: number[] | undefined): Line => ({
    what: `${kernel} ${loop}, ${pages} PTEs, machine of ${cpus} CPU${cpus === 1 ? "" : "s"}`,
    unit: "ns/PTE",
    ours: own,
    theirs: other,
    target: { atMost: 1.1 },
  });
  const twinZaps = twin === undefined ? undefined : zaps.theirs;
  return [line("copy", copies[0]!, copies[1]), line("zap", zaps.ours, twinZaps)];
}

begin("What does the copy loop of fork, and the zap loop of exit, cost in wasm against C?");
sayNativeProblem();
const hash = new WorkHash();
const lines: Line[] = [];
for (const kernel of KERNELS_MEASURED) {
  const twin = await openTwin(kernel);
  for (const cpus of CPUS) {
    for (const pages of SIZES) lines.push(...(await measure(twin, [kernel, cpus, pages], hash)));
  }
  await twin?.close();
}
printResult(lines, "wasm", "C", hash);
