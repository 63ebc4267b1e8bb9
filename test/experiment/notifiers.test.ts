// `racier notifiers`: every case is measured, and the text and the page show each. What the figures are is not looked at,
// but for those of a guest that is swapped: no access is stale, and one that is would be seen.

import { expect, test } from "vitest";
import { threadsEngine } from "../../src/engine/threads/engine.ts";
import { guestRound } from "../../src/experiment/notifiers-guest.ts";
import { PARTS, runNotifiers, type NotifiersOptions } from "../../src/experiment/notifiers.ts";
import { notifiersHtml } from "../../src/report/notifiers-html.ts";
import { notifiersText } from "../../src/report/notifiers-text.ts";
import { PLAIN } from "../../src/report/table.ts";
import { notifiersFixture } from "../report/notifiers-fixture.ts";

/** A kernel where methods may sleep. */
const SLEEPS = "mmn-v13+all";

const SMALL: NotifiersOptions = {
  ...{ parts: PARTS, kernels: ["2.6.27", SLEEPS], brkKernels: ["2.6.27", SLEEPS] },
  ...{ vmas: [1, 20], pages: 4, rounds: 1, seconds: 0.02 },
  // Other tests have these builds compiled.
  checking: true,
};

test("each kernel, number of VMAs and client has its figures, in the text and on the page", async () => {
  const doc = await runNotifiers(SMALL, threadsEngine);

  expect(doc.registration.map(({ kernel, vmas }) => `${kernel} ${vmas}`)).toEqual([
    ...["2.6.27 1", `${SLEEPS} 1`, "2.6.27 20", `${SLEEPS} 20`],
  ]);
  // 2.6.9; 4 on 2.6.27, and with xpmem 5 where it may sleep.
  expect(doc.invalidation).toHaveLength((1 + 4 + 5) * 5);
  expect(doc.leftOut).toEqual([expect.stringMatching(/^xpmem is left out on 2\.6\.27: /)]);
  expect(doc.brk).toHaveLength(4);
  const figures = [doc.registration, doc.invalidation, doc.access, doc.brk]
    .flat()
    .flatMap((row) =>
      Object.entries(row).filter(([name, value]) => /ns/i.test(name) && typeof value === "number"),
    );
  expect(figures.length).toBeGreaterThan(60);
  expect(figures.filter(([, value]) => !((value as number) > 0))).toEqual([]);
  const text = notifiersText(doc, PLAIN);
  for (const name of ["2.6.27", "kvm", "gru", "empty", "xpmem"]) expect(text).toContain(name);
  expect(text).toContain("No access of a guest was stale");
  const html = await notifiersHtml(doc, "racier notifiers");
  // Two for registration, five for the operations, one for the guest.
  expect(html.match(/<svg/g)).toHaveLength(8);
}, 120_000);

test("ended after the first measurement, it tells that one, and says so", async () => {
  const doc = await runNotifiers({ ...SMALL, interrupted: () => true }, threadsEngine);

  expect(doc.interrupted).toBe(true);
  expect(doc.registration).toHaveLength(1);
  const text = notifiersText(doc, PLAIN);
  expect(text).toContain("Interrupted: ");
  expect(text).not.toContain("guest");
  expect((await notifiersHtml(doc, "racier notifiers")).match(/<svg/g)).toHaveLength(2);
}, 120_000);

test("a stale access is told as what it is", () => {
  expect(notifiersText(notifiersFixture(), PLAIN)).toContain("BROKEN: 1 access reached a frame");
});

test("a guest is swapped, and finds what it stored; one that does not hear of it would be seen", async () => {
  const sizes = { kernel: "2.6.27", milliseconds: 1, leastSwapOuts: 400 };
  const good = await guestRound({ ...sizes, client: "kvm" }, threadsEngine);
  const module = new URL("../support/programs/forgetful.ts", import.meta.url);
  let stale = 0;
  // Which pages reclaim takes is for the threads to say: it may leave those of the guest alone for a while. On a busy
  // host each page waits for a thread that does not run: rounds are short, so that the first that shows it ends this.
  for (let round = 0; round < 60 && stale === 0; round++) {
    const order = { ...sizes, leastSwapOuts: 500, client: "forgetful", module };
    // It only loads: what it stored would damage the kernel.
    ({ stale } = await guestRound({ ...order, stores: false }, threadsEngine));
  }

  expect(good.stale).toBe(0);
  for (const field of ["guestOperations", "hostOperations", "swapIns", "swapOuts"] as const) {
    expect(good[field], field).toBeGreaterThan(0);
  }
  expect(good.faults).toBeGreaterThan(good.retries);
  expect(stale).toBeGreaterThan(0);
}, 300_000);
