// A document as `racier notifiers` ends in, for tests of what is made of it.

import type { NotifiersDocument } from "../../src/experiment/notifiers-document.ts";
import { forkFixture } from "./fork-fixture.ts";

/** One row of each kind, and a guest with a stale access. */
export function notifiersFixture(): NotifiersDocument {
  const kernel = "2.6.27";
  return {
    ...{ command: "notifiers", version: "0.1.0", host: forkFixture().host },
    ...{ pages: 512, rounds: 11, interrupted: false },
    registration: [
      {
        ...{ kernel, vmas: 10, rounds: 11, registerNs: 1000, registerCi95: [900, 1100] },
        ...{ unregisterNs: 500, unregisterCi95: [400, 600] },
      },
    ],
    invalidation: [
      {
        ...{ kernel, client: "kvm", operation: "munmap", rounds: 11, nsPerPage: 40 },
        ...{ ci95: [39, 41], times: 1.5, timesCi95: [1.4, 1.6] },
      },
    ],
    access: [
      { kernel, rounds: 11, hitNs: 11, hitCi95: [10, 12], faultNs: 200, faultCi95: [190, 210] },
    ],
    guest: [
      {
        ...{ kernel, client: "kvm", rounds: 11, guestPerSecond: 1000, guestCi95: [900, 1100] },
        ...{ hostPerSecond: 2000, hostCi95: [1900, 2100], swapInsPerSecond: 30 },
        ...{ swapOutsPerSecond: 40, faultsPerSecond: 50, retries: 6, stale: 1 },
      },
    ],
    brk: [
      {
        ...{ kernel, locks: "semaphores", touched: true, rounds: 11, nsPerCall: 100 },
        ...{ ci95: [99, 101], changePercent: -10, changeCi95: [-11, -9] },
      },
    ],
    leftOut: [],
  };
}
