// Kernels with other settings than the shipped ones: their names, and what is refused. test/package.test.ts compiles one.

import { describe, expect, test } from "vitest";
import { chosenKernel } from "../../src/kernel/catalogue.ts";
import { ConfigError } from "../../src/kernel/error.ts";
import { loadKernel } from "../../src/kernel/load.ts";
import * as host from "../../src/layout/structs.gen.ts";

describe("the name of a kernel", () => {
  test.each([
    ["2.6.9", "2.6.9", {}],
    ["2.6.9+spinlock=ticket", "2.6.9+spinlock=ticket", { CONFIG_SPINLOCK: 2 }],
    ["2.6.9+CONFIG_SPINLOCK=2", "2.6.9+spinlock=ticket", { CONFIG_SPINLOCK: 2 }],
    ["2.6.9+spinlock=ttas", "2.6.9", {}],
    [
      "2.6.9+ptl=mcs+spinlock=ticket+anon_vma=ticket",
      "2.6.9+spinlock=ticket+ptl=mcs",
      { CONFIG_SPINLOCK: 2, CONFIG_PTL_LOCK: 3 },
    ],
    [
      "2.6.8+page_bit=hash-mcs+mmap_sem=mutex",
      "2.6.8+mmap_sem=mutex+page_bit=hash-mcs",
      { CONFIG_MMAP_SEM: 3, CONFIG_PAGE_BIT: 19 },
    ],
    ["2.6.8+CONFIG_RMAP=2", "2.6.8+CONFIG_RMAP=2", { CONFIG_RMAP: 2 }],
    ["2.6.6+nrpte=31", "2.6.6+nrpte=31", { CONFIG_RMAP: 1, CONFIG_NRPTE: 31 }],
    [
      "2.6.8+typesafe-slab+spinlock=ticket+anon-in-mapping",
      "2.6.8+anon-in-mapping+typesafe-slab+spinlock=ticket",
      { CONFIG_ANON_IN_MAPPING: 1, CONFIG_TYPESAFE_SLAB: 1, CONFIG_SPINLOCK: 2 },
    ],
    [
      "mmn-v13+patch10+i-mmap-sem+patch04",
      "mmn-v13+outside-ptl+i-mmap-sem+mm-lock-sem",
      { CONFIG_MMU_NOTIFIER: 1, CONFIG_MMN_PATCHES: 162 },
    ],
    // Built upon 2.6.9, whose reclaim spins: so this is another kernel.
    [
      "2.6.27+reclaim=trylock",
      "2.6.27+reclaim=trylock",
      { CONFIG_MMU_NOTIFIER: 2, CONFIG_RECLAIM_LOCKS: 1 },
    ],
    ["2.6.27+reclaim=spin", "2.6.27", {}],
    ["2.6.8+reclaim=trylock", "2.6.8", {}],
    ["mmn-v13+all", "mmn-v13+all", { CONFIG_MMN_PATCHES: 1023 }],
    [
      "mmn-v13+patch03+patch04+patch05+patch06+patch07+patch08+patch09+patch10+patch11+patch12",
      "mmn-v13+all",
      { CONFIG_MMN_PATCHES: 1023 },
    ],
  ])("%s is %s, with its settings", (text, name, settings) => {
    expect(chosenKernel(text)).toMatchObject({ name, settings });
  });

  test.each([
    ["2.6.7+spinlock=ticket", "no kernel is called"],
    ["2.6.9+rmap", 'no part "rmap"'],
    ["2.6.9+spinlock=magic", "one of ttas, ticket"],
    ["2.6.9+spinlock=ttas+spinlock=ticket", "says twice"],
    ["2.6.9+anon-in-mapping", "2.6.9 has all five"],
    ["anonmm+typesafe-slab", "nothing that it changes"],
    ["2.6.8+kill-page-map-lock", "needs anon-in-mapping: no lock would keep"],
    ["2.6.8+anon-in-mapping+mm-lock-ordering", "needs kill-page-map-lock: who holds PG_maplock"],
    ["2.6.27+outside-ptl", "2.6.27 has nothing that it changes"],
    ["mmn-v13+unmap-vmas-gather", "needs free-pgtables-gather: free_pgtables would have no"],
    ["mmn-v13+i-mmap-sem", "needs mm-lock-sem: mm_lock would take spinlocks"],
    ["mmn-v13+patch10", "needs i-mmap-sem"],
    ["mmn-v13+patch09", "needs i-mmap-sem: vma_adjust would sleep"],
    ["mmn-v13+patch07", "needs i-mmap-sem: there is no semaphore"],
    ["2.6.8+swapoff-anon-vma", "needs kill-page-map-lock: a page on swap"],
  ])("%s is refused: %s", (text, sentence) => {
    expect(() => chosenKernel(text)).toThrow(ConfigError);
    expect(() => chosenKernel(text)).toThrow(sentence);
  });
});

test.each([
  [
    "2.6.9+CONFIG_CHECK=1",
    "2.6.9+CONFIG_CHECK=1: CONFIG_CHECK cannot be chosen: there are CONFIG_KERNEL, CONFIG_RMAP",
  ],
  ["2.6.9+CONFIG_NONE=1", "CONFIG_NONE cannot be chosen"],
  ["2.6.9+CONFIG_RMAP=9", "CONFIG_RMAP names no reverse map"],
  ["mmn-v13+CONFIG_MMN_PATCHES=64", "patch 09 needs 08: vma_adjust would sleep"],
  ["2.6.9+page_bit=hash-ttas", "pages of this kernel have no bit lock"],
  ["2.6.8+CONFIG_KILL_PAGE_MAP_LOCK=1", "kill-page-map-lock needs anon-in-mapping: no lock would"],
])("%s does not compile: %s", (kernel, sentence) => {
  expect(() => loadKernel(kernel, false)).toThrow(sentence);
});

test("a kernel that lays out a struct otherwise than the host has it is refused", async () => {
  // @ts-expect-error The build scripts are plain JavaScript.
  const { layoutProblem } = (await import("../../src/build/layout-problem.mjs")) as {
    layoutProblem: (layout: object, host: object) => string | null;
  };
  const fields = Object.entries(host.Page)
    .filter(([name]) => name !== "SIZE")
    .map(([name, offset]) => ({ name, offset }));
  const page = { name: "Page", size: host.Page.SIZE, fields };
  const constant = { name: "MEM_MAP", value: host.MEM_MAP };

  expect(layoutProblem({ structs: [page], constants: [constant] }, host)).toBeNull();
  const more = { ...page, fields: [...fields, { name: "hint", offset: 60 }] };
  expect(layoutProblem({ structs: [more], constants: [] }, host)).toContain("Page.hint at 60");
  const moved = { ...constant, value: 0 };
  expect(layoutProblem({ structs: [], constants: [moved] }, host)).toContain("its MEM_MAP is 0");
});
