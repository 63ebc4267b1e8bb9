// The patches of the thread of 2008, as switches of mmn-v13: where methods may sleep, and that a client which must sleep
// keeps to its word where they may everywhere.

import { describe } from "vitest";
import { CLIENTS } from "../../src/notifier/clients/index.ts";
import { describeNotifierClient } from "../examination/notifier-clients.ts";
import { describeSleepingMethods } from "../examination/sleeping-methods.ts";

const ALL = [4, 5, 6, 7, 8, 9, 10];
/** What each patch needs, and itself: a kernel with these is compiled for some seconds, so here are two of them. */
const KERNELS: readonly (readonly number[])[] = process.env["RACIER_EVERY_PATCH"]
  ? [[], [4], [5], [5, 6], [7, 8, 10], [8, 10], [4, 5, 6, 8, 10], [8, 9, 10], ALL]
  : [[], [4, 5, 6, 8, 10], ALL];

const nameOf = (numbers: readonly number[]): string =>
  ["mmn-v13", ...numbers.map((number) => `patch${String(number).padStart(2, "0")}`)].join("+");

for (const numbers of KERNELS) describeSleepingMethods(nameOf(numbers), numbers);

describe.each(CLIENTS.filter(({ name }) => name !== "empty"))("$name", (client) => {
  describeNotifierClient({ client, kernel: "mmn-v13+all" });
});
