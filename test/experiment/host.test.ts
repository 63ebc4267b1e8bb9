// The facts about the host are there on every system, also where Node knows no CPU model.

import { expect, test } from "vitest";
import { hostFacts } from "../../src/experiment/host.ts";

test("every fact about the host is filled in, and the date is the one given", () => {
  const facts = hostFacts(new Date("2026-11-23T12:00:00Z"));

  expect(facts.cpuModel).not.toBe("");
  expect(facts.cores).toBeGreaterThanOrEqual(1);
  expect(`v${facts.node}`).toBe(process.version);
  expect(facts.os).toMatch(/^\S+ \S+ \S+$/);
  expect(facts.date).toBe("2026-11-23T12:00:00.000Z");
});
