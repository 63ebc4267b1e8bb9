// The head of a report of an experiment on threads: where, when and by what it was measured.

import type { HostFacts } from "../experiment/host.ts";
import { counted, formatDate } from "./format.ts";
import { escapeHtml, facts, type Html } from "./page.ts";

/** `command`: the command line that made the report. `own`: what only this report says, as HTML. */
export function threadsCaption(
  { host, version }: { readonly host: HostFacts; readonly version: string },
  command: string,
  own: readonly (readonly [name: string, value: Html])[] = [],
): Html {
  const machine = `${host.cpuModel}, ${counted(host.cores, "core")}, ${host.os}, Node ${host.node}`;
  return facts([
    ...own,
    ["Engine", "threads: one real thread for each CPU, times measured on the host"],
    ["Host", escapeHtml(machine)],
    ["Version", escapeHtml(`racier ${version}`)],
    ["Date", escapeHtml(formatDate(host.date))],
    ["Command", `<code>${escapeHtml(command)}</code>`],
  ]);
}
