// The hall: every scenario on each of its kernels, first as it is, then without each measure against the
// race that it shows.

import { SCENARIOS } from "../scenario/catalogue.ts";
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

/** What holds for every exhibit. */
export type HallOptions = Pick<
  ExploreOptions,
  "off" | "seed" | "strategy" | "depth" | "interrupted"
> & {
  /** Time for all exhibits. */
  readonly seconds: number;
  readonly onExhibit?: (done: number, total: number, name: string) => void;
};

/** A broken kernel is given more time than its share, since it ends when it is found. */
const PATIENCE = 4;

/** Walks the hall; stops early when interrupted. */
export async function runHall(options: HallOptions): Promise<Exhibit[]> {
  const places = SCENARIOS.flatMap((scenario) =>
    scenario.kernels.flatMap((kernel) =>
      [null, ...scenario.switches].map((without) => ({ scenario, kernel, without })),
    ),
  );
  const clean = places.filter(({ without }) => without === null).length;
  const share = options.seconds / (clean + 1);
  const exhibits: Exhibit[] = [];
  for (const { scenario, kernel, without } of places) {
    if (options.interrupted?.() === true) break;
    const { name, title } = scenario;
    options.onExhibit?.(exhibits.length, places.length, `${name}, ${kernel}`);
    const document = await runExplore({
      ...options,
      ...{ subject: name, kernel, executions: Infinity },
      without: without === null ? undefined : [without],
      seconds: without === null ? share : share * PATIENCE,
    });
    exhibits.push({ scenario: name, title, kernel, without, document });
  }
  return exhibits;
}
