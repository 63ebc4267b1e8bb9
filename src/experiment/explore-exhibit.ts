// The exhibits of the hall: which there are, and how one is shown.

import type { Off } from "../engine/explore/detect/catalogue.ts";
import { isInHall } from "../kernel/catalogue.ts";
import { SCENARIOS } from "../scenario/catalogue.ts";
import type { Scenario } from "../scenario/scenario.ts";
import type { SwitchName } from "../scenario/switches.ts";
import type { ExploreDocument } from "./explore-document.ts";
import { runExplore, type ExploreOptions } from "./explore.ts";

/** One exhibit. */
export interface Exhibit {
  readonly scenario: string;
  readonly title: string;
  readonly kernel: string;
  /** The measure that is missing, or null: the kernel as it is. */
  readonly without: string | null;
  readonly document: ExploreDocument;
}

/** What holds for every exhibit, and can be sent to another thread. */
export type ExhibitOptions = Pick<ExploreOptions, "off" | "seed" | "strategy" | "depth">;

/** Where an exhibit stands. */
export interface Place {
  readonly scenario: Scenario;
  readonly kernel: string;
  readonly without: SwitchName | null;
}

/** Every scenario on each of its kernels that the hall shows, as it is, then without each measure. */
export const PLACES: readonly Place[] = SCENARIOS.flatMap((scenario) =>
  scenario.kernels
    .filter(isInHall)
    .flatMap((kernel) =>
      [null, ...scenario.switches].map((without) => ({ scenario, kernel, without })),
    ),
);

/** Part of the time of a broken kernel in which what comes of a data race is looked for, not the race. */
const LOOKS_FOR_HARM = 0.5;

/** Explores what stands at a place; in this thread alone. */
export async function showExhibit(
  { scenario, kernel, without }: Place,
  options: ExhibitOptions,
  seconds: number,
  interrupted?: () => boolean,
): Promise<Exhibit> {
  const { name, title } = scenario;
  const explore = (off: Off, share: number): Promise<ExploreDocument> =>
    runExplore({
      ...options,
      ...{ subject: name, kernel, executions: Infinity, workers: 1, interrupted, off },
      seconds: seconds * share,
      without: without === null ? undefined : [without],
    });
  const exhibit = { scenario: name, title, kernel, without };
  if (without === null) return { ...exhibit, document: await explore(options.off, 1) };
  const harm = await explore(new Set([...options.off, "data-race"]), LOOKS_FOR_HARM);
  if (harm.failure !== null) return { ...exhibit, document: harm };
  return { ...exhibit, document: await explore(options.off, 1 - LOOKS_FOR_HARM) };
}
