// The outcome of `racier stress` for the terminal: what was done, what was checked, and what broke.

import type { StressDocument, StressFailure } from "../experiment/stress-document.ts";
import { formatNumber } from "./format.ts";
import { alignedTable, textStyle, type TextStyle } from "./table.ts";

const NUMBERS = [
  { header: "what", align: "left" as const },
  { header: "times", align: "right" as const },
];

const OPERATIONS = ["mmap", "munmap", "mprotect", "mremap", "brk", "madvise"] as const;
const PROCESSES = ["fork", "clone", "exec", "exit", "wait"] as const;
const ACCESSES = ["load", "store", "copy", "touch", "probe"] as const;
const RECLAIM = ["referenced", "evicted", "ftruncate", "swapoff"] as const;
const REFUSALS = ["SIGSEGV", "SIGBUS", "SIGKILL", "ENOMEM", "EAGAIN"] as const;

function rows(doc: StressDocument): [string, string][] {
  const { counts, kernelCounts: kernel } = doc;
  const named = [...OPERATIONS, ...PROCESSES, ...ACCESSES, ...RECLAIM, ...REFUSALS].map(
    (name): [string, number] => [name, counts[name]],
  );
  const secondary: [string, number][] =
    counts.notifiers === 0
      ? []
      : [
          ["secondary MMUs registered", counts.notifiers],
          ["accesses through them", counts.guest],
        ];
  const kernelRows: [string, number][] = [
    ["page faults, minor", kernel.minorFaults],
    ["page faults, major", kernel.majorFaults],
    ["TLB shootdowns", kernel.shootdowns],
    ["interrupts between CPUs", kernel.interrupts],
    ["sleeps in a wait", kernel.sleeps],
    ["pages scanned by reclaim", kernel.pagesScanned],
    ["pages reclaimed", kernel.pagesReclaimed],
    ["swap, pages read", kernel.swapReads],
    ["swap, pages written", kernel.swapWrites],
    ["files, pages read", kernel.fileReads],
    ["files, pages written", kernel.fileWrites],
    ["runs of kswapd", kernel.kswapdRuns],
    ["direct reclaims", kernel.directReclaims],
    ["PTEs missed", kernel.missedPtes],
    ["processes killed", kernel.oomKills],
    ["words checked", counts.wordsChecked],
    ["checks of all invariants", doc.checks],
  ];
  return [...named, ...secondary, ...kernelRows].map(([name, count]) => [
    name,
    formatNumber(count),
  ]);
}

function failureText(failure: StressFailure, doc: StressDocument): string {
  const where = failure.cpu === null ? "found by the host" : `found by CPU ${failure.cpu}`;
  const lines = [`${failure.rule} broke, ${where}: ${failure.text}`];
  if (failure.expected !== null) lines.push(`  expected  ${failure.expected}`);
  if (failure.found !== null) lines.push(`  found     ${failure.found}`);
  lines.push(...failure.others.map((other) => `  also: ${other}`));
  if (failure.events.length > 0) lines.push("the last events, oldest first:");
  lines.push(...failure.events.map((event) => `  ${event}`));
  lines.push(`kernel ${doc.kernel}, seed ${doc.seed}; run it again: ${doc.replay}`);
  return lines.join("\n");
}

/** The first line: what is about to be run, with the seed. */
export function stressHead(doc: {
  kernel: string;
  cpus: number;
  seed: number;
  checking: boolean;
}): string {
  const build = doc.checking ? "checking build" : "release build";
  return `seed ${doc.seed}: kernel ${doc.kernel}, ${build}, ${doc.cpus} CPU${doc.cpus === 1 ? "" : "s"}\n`;
}

/** The table of what was done, and the verdict. */
export function stressText(doc: StressDocument, style: TextStyle = textStyle()): string {
  const { operations, operationsHash, seconds, interrupted, failure } = doc;
  const done = `${formatNumber(operations)} operations in ${seconds.toFixed(1)} s, hash ${operationsHash}`;
  const verdict = failure === null ? "no rule was broken" : failureText(failure, doc);
  const end = interrupted ? "ended by Ctrl-C; " : "";
  return `${alignedTable(NUMBERS, rows(doc), style)}\n${done}\n${end}${verdict}\n`;
}
