// A document as `racier scale` ends in, for tests of what is made of it.

import type { ScaleDocument } from "../../src/experiment/scale-document.ts";
import { forkFixture, lockClass } from "./fork-fixture.ts";

/** Two kernels on one CPU and on two. */
export function scaleFixture(): ScaleDocument {
  const same = { testcase: "mmap1", mode: "threads" } as const;
  return {
    ...{ command: "scale", version: "0.1.0", host: forkFixture().host, rounds: 11 },
    ...{ touchedBytes: 2 ** 25, interrupted: false },
    results: ["2.6.8", "2.6.9"].flatMap((kernel) => [
      {
        ...{ kernel, ...same, cpus: 1, rounds: 11 },
        ...{ operationsPerSecond: 1000, p05: 900, p95: 1100 },
        ...{ scaling: null, scalingCi95: null, oversubscribed: false },
      },
      {
        ...{ kernel, ...same, cpus: 2, rounds: 11 },
        ...{ operationsPerSecond: 500, p05: 400, p95: 600 },
        ...{ scaling: 0.5, scalingCi95: [0.4, 0.6], oversubscribed: false },
      },
    ]),
    comparisons: [
      {
        ...{ testcase: "mmap1", mode: "threads", cpus: 1, from: "2.6.8", to: "2.6.9" },
        ...{ changePercent: 0, ci95: [-1, 1] },
      },
    ],
    lockStat: [
      {
        ...{ kernel: "2.6.9", testcase: "mmap1", mode: "threads", cpus: 2 },
        classes: [lockClass()],
      },
    ],
  };
}
