// `racier notifiers`: every case is measured, and the text shows each. What the figures are is not looked at.

import { expect, test } from "vitest";
import { threadsEngine } from "../../src/engine/threads/engine.ts";
import { runNotifiers } from "../../src/experiment/notifiers.ts";
import { notifiersText } from "../../src/report/notifiers-text.ts";
import { PLAIN } from "../../src/report/table.ts";

test("each kernel, number of VMAs and client has its figures", async () => {
  const doc = await runNotifiers({ vmas: [1, 20], pages: 4, rounds: 1 }, threadsEngine);

  expect(doc.registration.map(({ kernel, vmas }) => `${kernel} ${vmas}`)).toEqual([
    ...["mmn-v13 1", "2.6.27 1", "mmn-v13 20", "2.6.27 20"],
  ]);
  expect(doc.invalidation).toHaveLength(9);
  const figures = [...doc.registration, ...doc.invalidation, ...doc.access].flatMap((row) =>
    Object.values(row).filter((value) => typeof value === "number"),
  );
  expect(figures.every((figure) => figure > 0)).toBe(true);
  const text = notifiersText(doc, PLAIN);
  for (const name of ["mmn-v13", "2.6.27", "kvm", "gru", "empty"]) expect(text).toContain(name);
}, 120_000);
