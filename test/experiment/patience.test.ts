// How long is waited: what moves now and then is waited for ten times as long as what stands still.

import { expect, test } from "vitest";
import { Patience } from "../../src/experiment/patience.ts";

/** Looks every 10 ms for so long; returns what has been waited. @param moves at which looks something moves */
function waited(ms: number, moves: (look: number) => boolean): number {
  let now = 0;
  const patience = new Patience(() => now);
  let result = 0;
  for (let look = 1; look <= ms / 10; look++) {
    now += 10;
    result = patience.waitedMs(moves(look));
  }
  return result;
}

test("what stands still uses up the time, what moves a tenth, also if it moves at a few looks only", () => {
  expect(waited(5000, () => false)).toBeCloseTo(5000);
  expect(waited(5000, () => true)).toBeCloseTo(500);
  expect(waited(5000, (look) => look % 50 === 1)).toBeCloseTo(500);
  // Once at the beginning: one second counts a tenth.
  expect(waited(5000, (look) => look === 1)).toBeCloseTo(4100, -2);
});

test("time that the host was busy elsewhere does not count, and what happens begins it anew", () => {
  let now = 0;
  const patience = new Patience(() => now);
  now = 10_000;
  expect(patience.waitedMs()).toBe(50);
  patience.renew();
  expect(patience.waitedMs()).toBe(0);
});
