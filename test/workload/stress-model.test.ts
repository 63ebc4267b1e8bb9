// The model of racier stress, step by step: a thread comes to a region of another at the worst
// moment, or a request is refused half way, and the model is still right.

import { describe, expect, test } from "vitest";
import type { ProgramTask } from "../../src/machine/task.ts";
import { loadWord } from "../../src/workload/stress/access.ts";
import { Actor } from "../../src/workload/stress/actor.ts";
import { Board, boardBuffer } from "../../src/workload/stress/board.ts";
import { Model } from "../../src/workload/stress/model.ts";
import { sharedObjects } from "../../src/workload/stress/objects.ts";
import { centreOf } from "../../src/workload/stress/places.ts";
import {
  KIND_FILE,
  KIND_NONE,
  PAGE_MAPPED,
  PAGE_READ,
  type Region,
} from "../../src/workload/stress/region.ts";
import { opMapStack } from "../../src/workload/stress/map-ops.ts";
import { settle } from "../../src/workload/stress/process-ops.ts";
import { opRemap } from "../../src/workload/stress/remap-ops.ts";
import { unmapPages } from "../../src/workload/stress/unmap-ops.ts";
import { visit, type Visit } from "../../src/workload/stress/visit.ts";
import { DirectMachine } from "../support/direct.ts";
import { leaveFrames, useUpVmas } from "../support/hoard.ts";
import { PAGE, RO, errnoOf } from "../support/process.ts";

const SEEDS = Array.from({ length: 40 }, (_, seed) => seed + 1);
const PAGES = 32;
/** What a region maps. */
const FILE = { sizeBytes: 64 * PAGE, seed: 5 };

/** One region of a file, in two VMAs if `split`, and who uses it: its owner and a visitor. */
class Scene {
  readonly owner: Actor;
  /** As the owner sees it. */
  readonly region: Region;
  readonly #visitor: Actor;
  readonly #visited: Region;
  #seen: Visit | undefined;

  constructor(task: ProgramTask, seed: number, split: boolean, behind = 0) {
    const board = new Board(boardBuffer(1), 1);
    // Each CPU of a run has such objects of its own, over the same words.
    const [owner, visitor] = [0, 1].map((thread) => {
      const model = new Model(board, 0);
      const order = { buffer: boardBuffer(1), cpus: 1, operations: 0 };
      const files = {
        notifiers: [],
        sharedFiles: [],
        seedFiles: [],
        cutFiles: [],
        swapAreas: 0,
        swapBytes: 0,
      };
      const desk = { order: { ...order, ...files }, board, models: [model] };
      const objects = sharedObjects(board);
      return new Actor({ task, desk: { ...desk, objects }, model, thread, seed });
    }) as [Actor, Actor];
    owner.model.claim(0);
    owner.model.setAlive(1, true);
    this.owner = owner;
    this.region = owner.model.regions[0] as Region;
    this.#visitor = visitor;
    this.#visited = visitor.model.regions[0] as Region;
    this.#map(task, split, behind);
  }

  /** `behind`: pages of the VMA that do not belong to the region. */
  #map(task: ProgramTask, split: boolean, behind: number): void {
    const base = centreOf(0);
    const half = (PAGES / 2) * PAGE;
    const files = [task.createFile(FILE), task.createFile(FILE)];
    for (const part of [0, 1]) {
      const file = files[split ? part : 0] as number;
      const place = { hint: base + part * half, fixed: true, offset: part * half };
      task.mmap({ length: half + part * behind * PAGE, read: true, file, ...place });
    }
    for (const file of files) task.closeFile(file);
    const protection = PAGE_MAPPED | PAGE_READ;
    this.region.beginChange();
    this.region.become({ kind: KIND_FILE, base, count: PAGES, protection, ...FILE }, 1);
    this.region.split = split;
    this.region.endChange();
  }

  /** The visitor comes, and stays. */
  visitorComes(): void {
    const came = visit(this.#visitor, this.#visited, (seen) => {
      this.#seen = seen;
    });
    if (came) this.#visitor.model.setHazard(1, this.#visited);
  }

  /** The visitor looks at every page that it came for; throws an OracleError if one is wrong. */
  visitorLooks(): void {
    const seen = this.#seen;
    for (let page = 0; page < (seen?.count ?? 0); page++) {
      loadWord(this.#visitor, seen as Visit, page, 0);
    }
  }

  visitorGoes(): void {
    this.#visitor.model.clearHazard(1);
    this.#seen = undefined;
  }

  end(): void {
    this.owner.task.munmap(centreOf(0) - 2 ** 24, 2 ** 25);
  }
}

/** Does `body` with each seed, in one machine. */
function withScenes(split: boolean, body: (scene: Scene) => void): void {
  new DirectMachine().run((task) => {
    for (const seed of SEEDS) {
      const scene = new Scene(task, seed, split);
      body(scene);
      scene.end();
    }
  });
}

describe("mremap of a region that another thread uses", () => {
  test("moves it when nobody is there", () => {
    let moved = 0;
    withScenes(false, ({ owner, region }) => {
      const { base } = region;
      opRemap(owner);
      if (region.base !== base) moved++;
    });

    expect(moved).toBeGreaterThan(5);
  });

  test("leaves it where it is when a visitor comes after it was chosen", () => {
    let chosen = 0;
    withScenes(false, (scene) => {
      const { owner, region } = scene;
      const { base } = region;
      const begin = region.beginChange.bind(region);
      region.beginChange = () => {
        chosen++;
        scene.visitorComes();
        begin();
      };
      opRemap(owner);

      expect(region.base).toBe(base);
      expect(() => {
        scene.visitorLooks();
      }).not.toThrow();
    });

    expect(chosen).toBeGreaterThan(5);
  });

  test("is over only when the model knows what a refused one has unmapped", () => {
    let refused = 0;
    withScenes(true, (scene) => {
      const { owner, region } = scene;
      const end = region.endChange.bind(region);
      region.endChange = () => {
        end();
        scene.visitorComes();
        scene.visitorLooks();
        scene.visitorGoes();
      };
      opRemap(owner);
      // One that succeeds changes the count.
      if (region.count === PAGES && !region.mapped(PAGES - 1)) refused++;
    });

    expect(refused).toBeGreaterThan(0);
  });
});

test.each([
  ["stands still", false],
  ["becomes another while its words are read", true],
])("fork beside a region that %s", (_, changes) => {
  new DirectMachine().run((task) => {
    const { owner, region } = new Scene(task, 1, false);
    const child = new Model(owner.board, 1);
    const seqs = [0, 1, 2, 3].map((thread) => owner.model.threadSeq(thread));
    child.claim(1);
    child.copyRegions(owner.model);
    const most = region.most.bind(region);
    region.most = (page, word) => {
      region.most = most;
      if (!changes) return most(page, word);
      region.beginChange();
      region.become({ kind: KIND_FILE, base: 0, count: 1, protection: 0 }, 2);
      region.endChange();
      return most(page, word);
    };
    settle(owner, child, seqs, [1]);

    expect(child.hasMoved(0)).toBe(changes);
    expect(child.regions[0]?.kind).toBe(changes ? KIND_NONE : KIND_FILE);
  });
});

test.each([1, 2, 3])("fork while %i regions of another thread go", (count) => {
  new DirectMachine().run((task) => {
    const { owner } = new Scene(task, 1, false);
    const child = new Model(owner.board, 1);
    const regions = owner.model.regions.slice(0, count);
    for (const region of regions) region.beginChange();
    const seqs = [0, 1, 2, 3].map((thread) => owner.model.threadSeq(thread));
    child.claim(1);
    child.copyRegions(owner.model);
    settle(owner, child, seqs, []);

    expect(child.hasMoved(0)).toBe(true);
    expect(child.hasMoved(1)).toBe(false);
    for (const region of regions) region.endChange();
  });
});

test("mmap has begun to change the model when the kernel maps", () => {
  let maps = 0;
  withScenes(false, ({ owner }) => {
    const mmap = owner.task.mmap.bind(owner.task);
    owner.task.mmap = (options) => {
      maps++;
      expect(owner.model.regions.some((each) => each.seq % 2 !== 0)).toBe(true);
      return mmap(options);
    };
    try {
      opMapStack(owner);
    } finally {
      owner.task.mmap = mmap;
    }
  });

  expect(maps).toBeGreaterThan(5);
});

test("mremap that cannot split the old mapping off leaves nothing behind", () => {
  const machine = new DirectMachine({ memory: "8M" });
  let moved = 0;
  for (const seed of SEEDS) {
    machine.run((task) => {
      const { owner, region } = new Scene(task, seed, false, 1);
      const { base } = region;
      const giveBack = leaveFrames(machine.cpu, 0);
      const freeVmas = useUpVmas(machine.cpu, 1);
      let isShort = true;
      const munmap = task.munmap.bind(task);
      const relax = (): void => {
        if (isShort) freeVmas();
        if (isShort) giveBack();
        isShort = false;
      };
      // What the model unmaps on its own account finds memory again.
      task.munmap = (start, length) => {
        relax();
        munmap(start, length);
      };
      opRemap(owner);
      relax();
      if (region.base === base) return;
      moved++;

      expect(
        errnoOf(() => {
          task.mprotect(base, PAGE, RO);
        }),
      ).toBe("ENOMEM");
    });
  }

  expect(moved).toBeGreaterThan(5);
});

test("munmap that was refused half way may have split the region", () => {
  const machine = new DirectMachine({ memory: "8M" });
  machine.run((task) => {
    const { owner, region } = new Scene(task, 1, false);
    const { base } = region;
    const giveBack = leaveFrames(machine.cpu, 0);
    const freeVmas = useUpVmas(machine.cpu, 1);
    const done = unmapPages(owner, base + PAGE, base + 3 * PAGE, "munmap", () => {
      task.munmap(base + PAGE, 2 * PAGE);
    });
    freeVmas();
    giveBack();
    const length = PAGES * PAGE;
    const error = errnoOf(() => task.mremap(base, length, length, { fixedAt: base + length }));

    expect({ done, error, split: region.split }).toEqual({
      done: false,
      error: "EFAULT",
      split: true,
    });
  });
});
