// The scenarios that come with racier.

import { ConfigError } from "../kernel/error.ts";
import { cowUnmap } from "./cow-unmap.ts";
import { exitTogether } from "./exit-together.ts";
import { firstTouch } from "./first-touch.ts";
import { forkStore } from "./fork-store.ts";
import { forkUnmap } from "./fork-unmap.ts";
import { mapFault } from "./map-fault.ts";
import type { Scenario } from "./scenario.ts";
import { samePage } from "./same-page.ts";
import { unmapAccess } from "./unmap-access.ts";

/** All of them, simplest first. */
export const SCENARIOS: readonly Scenario[] = [
  firstTouch,
  samePage,
  mapFault,
  unmapAccess,
  cowUnmap,
  exitTogether,
  forkStore,
  forkUnmap,
];

/** A scenario by its name. Throws ConfigError. */
export function scenarioNamed(name: string): Scenario {
  const found = SCENARIOS.find((scenario) => scenario.name === name);
  if (found !== undefined) return found;
  const known = SCENARIOS.map((scenario) => scenario.name).join(", ");
  throw new ConfigError(`there is no scenario "${name}": there are ${known}`);
}
