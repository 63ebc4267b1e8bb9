// The log of user data on logs written by hand: what a load may return, after which operations.

import { beforeEach, describe, expect, it } from "vitest";
import { UserModel, type Mismatch } from "../../../src/engine/explore/user-data/model.ts";
import type { Operation, Range, Sort } from "../../../src/engine/explore/user-data/operations.ts";
import {
  SharedObject,
  type AddressSpace,
  type Region,
} from "../../../src/engine/explore/user-data/space.ts";
import { moveMapping } from "../../../src/engine/explore/user-data/sections.ts";

const PAGE = 4096;
const AT = 0x10000;
const WHO = { cpu: 0, event: 0 };

let model: UserModel;
let space: AddressSpace;

const region = (start: number, pages: number, more: Partial<Region> = {}): Region => ({
  ...{ start, end: start + pages * PAGE, object: undefined, offset: 0 },
  ...{ shared: false, growsDown: false },
  ...more,
});

const begin = (name: string, sort: Sort, ranges: Range[], of = space): Operation =>
  model.operations.begin({ space: of, cpu: 0, name, sort, ranges });
const end = (operation: Operation): void => {
  model.operations.end(operation, 0);
};

function store(address: number, value: number, of = space): Mismatch | undefined {
  const operation = begin("store8", "write", [{ start: address, end: address + 1 }], of);
  const bad = model.store(operation, address, [value], WHO);
  end(operation);
  return bad;
}

/** True when a load may return `value`. */
function loads(address: number, value: number, of = space): boolean {
  const operation = begin("load8", "load", [{ start: address, end: address + 1 }], of);
  const bad = model.load(operation, address, [value]);
  end(operation);
  return bad === undefined;
}

const pages = (start: number, count: number): Range => ({ start, end: start + count * PAGE });

beforeEach(() => {
  model = new UserModel();
  space = model.newSpace();
  space.map(region(AT, 2));
});

describe("loads and stores", () => {
  it("an untouched byte is 0, a stored one is what was stored last", () => {
    expect(loads(AT, 1)).toBe(false);
    expect(loads(AT, 0)).toBe(true);
    store(AT, 1);
    store(AT, 2);
    expect(loads(AT, 1)).toBe(false);
    expect(loads(AT, 2)).toBe(true);
  });

  it("where nothing is mapped neither a load nor a store can be right", () => {
    expect(loads(AT - 1, 0)).toBe(false);
    expect(store(AT + 2 * PAGE, 1)).toMatchObject({ isUnmapped: true });
  });

  it("reset takes back what happened since commit, and nothing else", () => {
    store(AT, 1);
    model.commit();
    store(AT, 2);
    space.unmap(AT, AT + PAGE);
    model.reset();
    expect(loads(AT, 1)).toBe(true);
    expect(loads(AT, 2)).toBe(false);
  });
});

describe("an operation that takes a page away", () => {
  it("leaves zeros once it has ended, and both before; what was seen stays seen", () => {
    store(AT, 1);
    store(AT + 1, 1);
    const drop = begin("madviseDontneed", "drop", [pages(AT, 1)]);
    expect(loads(AT, 1)).toBe(true);
    expect(loads(AT, 0)).toBe(true);
    expect(loads(AT, 1)).toBe(false);
    model.drop(drop, AT, AT + PAGE);
    end(drop);
    expect(loads(AT + 1, 1)).toBe(false);
    expect(loads(AT + 1, 0)).toBe(true);
  });

  it("may drop a store that was made meanwhile, or not", () => {
    const drop = begin("madviseDontneed", "drop", [pages(AT, 1)]);
    store(AT, 1);
    store(AT + 1, 1);
    model.drop(drop, AT, AT + PAGE);
    end(drop);
    expect(loads(AT, 2)).toBe(false);
    expect(loads(AT, 0)).toBe(true);
    expect(loads(AT, 1)).toBe(false);
    expect(loads(AT + 1, 1)).toBe(true);
  });

  it("munmap in flight shows what was there, and nothing else", () => {
    store(AT, 1);
    const unmap = begin("munmap", "drop", [pages(AT, 1)]);
    expect(loads(AT, 0)).toBe(false);
    expect(loads(AT, 1)).toBe(true);
    model.changeLayout(unmap, true, () => {
      space.unmap(AT, AT + PAGE);
    });
    end(unmap);
    expect(loads(AT, 1)).toBe(false);
    expect(loads(AT + PAGE, 0)).toBe(true);
  });

  it("two that change the same range at once leave it unknown", () => {
    store(AT, 1);
    const unmap = begin("munmap", "drop", [pages(AT, 1)]);
    const map = begin("mmap", "change", [pages(AT, 1)]);
    model.changeLayout(map, true, () => {
      space.map(region(AT, 1));
    });
    end(map);
    model.changeLayout(unmap, true, () => {
      space.unmap(AT, AT + PAGE);
    });
    end(unmap);
    expect(loads(AT, 77)).toBe(true);
    expect(loads(AT + PAGE, 77)).toBe(false);
  });
});

describe("a move", () => {
  it("takes bytes along, and what was at the target goes", () => {
    store(AT, 1);
    store(AT + PAGE + 5, 9);
    moveMapping(space, { start: AT, oldLength: PAGE, newLength: PAGE }, AT + PAGE);
    expect(loads(AT + PAGE, 1)).toBe(true);
    expect(loads(AT + PAGE + 5, 9)).toBe(false);
    expect(loads(AT, 1)).toBe(false);
  });

  it("that grows adds zeros", () => {
    store(AT + PAGE, 1);
    moveMapping(space, { start: AT, oldLength: 2 * PAGE, newLength: 3 * PAGE }, 0x90000);
    expect(loads(0x90000 + PAGE, 1)).toBe(true);
    expect(loads(0x90000 + 2 * PAGE, 0)).toBe(true);
    expect(loads(0x90000 + 3 * PAGE, 0)).toBe(false);
  });
});

describe("fork", () => {
  const fork = (meanwhile: () => void): AddressSpace => {
    const operation = begin("fork", "keep", [{ start: 0, end: Infinity }]);
    model.watch(operation);
    meanwhile();
    const child = model.childOf(operation);
    model.unwatch(operation);
    end(operation);
    return child;
  };

  it("the child has what was there; neither sees later stores of the other", () => {
    store(AT, 1);
    const child = fork(() => undefined);
    store(AT, 2);
    store(AT + 1, 3, child);
    expect(loads(AT, 2, child)).toBe(false);
    expect(loads(AT, 1, child)).toBe(true);
    expect(loads(AT + 1, 3)).toBe(false);
  });

  it("of a byte that is stored meanwhile the child sees one of the values, and always the same", () => {
    store(AT, 1);
    const child = fork(() => {
      store(AT, 2);
      store(AT, 3);
    });
    expect(loads(AT, 4, child)).toBe(false);
    expect(loads(AT, 1, child)).toBe(true);
    expect(loads(AT, 3, child)).toBe(false);
    expect(loads(AT, 3)).toBe(true);
  });

  it("nothing is claimed of a range that is unmapped meanwhile, in the child", () => {
    store(AT, 1);
    const child = fork(() => {
      begin("munmap", "drop", [pages(AT, 1)]);
    });
    expect(loads(AT, 5, child)).toBe(true);
    expect(loads(AT + PAGE, 5, child)).toBe(false);
  });
});

describe("what several map", () => {
  it("shared mappings show each other's stores", () => {
    const object = new SharedObject("zeros");
    const other = model.newSpace();
    space.map(region(AT, 1, { object, shared: true }));
    other.map(region(0x90000, 1, { object, shared: true }));
    store(AT + 7, 1);
    expect(loads(0x90000 + 7, 1, other)).toBe(true);
    expect(loads(0x90000 + 7, 0, other)).toBe(false);
  });

  it("a private mapping of a file shows it until it is written", () => {
    const object = new SharedObject(Uint8Array.of(5, 6));
    space.map(region(AT, 1, { object, shared: true }));
    space.map(region(0x90000, 1, { object }));
    expect(loads(0x90000 + 1, 6)).toBe(true);
    store(AT, 7);
    expect(loads(0x90000, 5)).toBe(false);
    store(0x90000 + 9, 1);
    store(AT, 8);
    expect(loads(0x90000, 8)).toBe(false);
    expect(loads(0x90000, 7)).toBe(true);
    expect(loads(AT + 9, 1)).toBe(false);
  });

  it("what a file held is not known until it has been read once", () => {
    space.map(region(AT, 1, { object: new SharedObject("unknown"), shared: true }));
    expect(loads(AT, 44)).toBe(true);
    expect(loads(AT, 45)).toBe(false);
  });
});

describe("touch and copy", () => {
  it("a byte is old or new while it is being touched, and new afterwards", () => {
    const touch = begin("touch", "write", [pages(AT, 1)]);
    model.hold(touch, [{ address: AT, value: 9 }], WHO);
    expect(loads(AT, 8)).toBe(false);
    expect(loads(AT, 9)).toBe(true);
    expect(loads(AT, 0)).toBe(true);
    model.release(touch, true, WHO);
    end(touch);
    expect(loads(AT, 0)).toBe(false);
    expect(loads(AT, 9)).toBe(true);
  });

  it("a store meanwhile may come before or after", () => {
    const touch = begin("touch", "write", [pages(AT, 1)]);
    model.hold(touch, [{ address: AT, value: 9 }], WHO);
    store(AT, 4);
    model.release(touch, true, WHO);
    end(touch);
    expect(loads(AT, 5)).toBe(false);
    expect(loads(AT, 4)).toBe(true);
    expect(loads(AT, 9)).toBe(false);
  });

  it("a copy has what its source held, unless somebody stored there", () => {
    store(AT, 3);
    const copy = begin("copy", "write", [pages(AT + PAGE, 1), pages(AT, 1)]);
    const writes = [0, 1].map((i) => ({ address: AT + PAGE + i, from: AT + i }));
    model.hold(copy, writes, WHO);
    store(AT + 1, 6);
    model.release(copy, true, WHO);
    end(copy);
    expect(loads(AT + PAGE, 0)).toBe(false);
    expect(loads(AT + PAGE, 3)).toBe(true);
    expect(loads(AT + PAGE + 1, 6)).toBe(true);
    expect(loads(AT + PAGE + 1, 0)).toBe(false);
  });
});
