// The hall and the list of scenarios for the terminal.

import type { ExploreDocument } from "../experiment/explore-document.ts";
import type { Exhibit } from "../experiment/explore-hall.ts";
import { replayCommandOf } from "./explore-text.ts";
import { formatNumber } from "./format.ts";
import type { ReportTable } from "./rows.ts";
import { alignedTable } from "./table.ts";

/** What is said of a scenario in the list. */
export interface ScenarioLine {
  readonly name: string;
  readonly title: string;
  readonly kernels: readonly string[];
  readonly switches: readonly string[];
}

/** The list of scenarios. */
export function scenariosText(scenarios: readonly ScenarioLine[]): string {
  const rows = scenarios.map(({ name, title, kernels, switches }) => [
    ...[name, kernels.join(", "), switches.join(", "), title],
  ]);
  const columns = ["scenario", "kernels", "can do without", "what meets what"];
  return `${alignedTable(columns, rows)}\n`;
}

/** What a search that found nothing has shown to be right. */
const shownText = ({ complete }: ExploreDocument): string =>
  complete === null
    ? "nothing broke"
    : `complete: ${complete.replace(/^every interleaving with /, "")}`;

/** One row for each exhibit. */
export function hallTable(exhibits: readonly Exhibit[]): ReportTable {
  const rows = exhibits.map(({ scenario, kernel, without, document }) => {
    const { executions, failure, seconds } = document;
    const rule = failure === null ? shownText(document) : failure.rule;
    const count = formatNumber(failure?.execution ?? executions);
    return [scenario, kernel, without ?? "-", rule, count, seconds.toFixed(1)];
  });
  const left = ["scenario", "kernel", "without", "outcome"];
  const columns = [
    ...left.map((header) => ({ header, align: "left" as const })),
    { header: "executions", align: "right" as const },
    { header: "s", align: "right" as const },
  ];
  return { columns, rows };
}

/** One line for each exhibit, and where to look next. */
export function hallText(exhibits: readonly Exhibit[]): string {
  const { columns, rows } = hallTable(exhibits);
  const found = exhibits.find(({ document }) => document.failure !== null);
  const look = found === undefined ? [] : [`\n${lookAt(found)}`];
  return [alignedTable(columns, rows), ...look, ""].join("\n");
}

function lookAt({ scenario, kernel, without, document }: Exhibit): string {
  const options = without === null ? "" : ` --without ${without}`;
  const again = `racier explore ${scenario} --kernel ${kernel}${options}`;
  return `its diagram: ${again}\none again: ${replayCommandOf(document.failure?.schedule ?? "")}`;
}
