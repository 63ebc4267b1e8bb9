// A short interleaving, made up, of two CPUs that each count a page down under the lock of another mm: six
// steps, of which four matter. Its names are hostile.

import type { ExploreDocument, ExploreStep } from "../../src/experiment/explore-document.ts";
import type { Timeline, TimelineEvent } from "../../src/experiment/explore-timeline.ts";

export const HOSTILE = `</script><img src=x onerror=alert(1)> it's "broken"`;

type Parts = Pick<TimelineEvent, "cpu" | "kind" | "function" | "before" | "after" | "field">;

const parts: readonly (Parts & { matters: boolean; held: number })[] = [
  step(0, "cmpxchg", "spin_lock", "0", "1", 0, false, 1),
  step(0, "load", "zap", "1", null, 1, true, 1),
  step(1, "load", "zap", "1", null, 1, true, 1),
  step(1, "store", "zap", "1", "0", 1, true, 1),
  step(0, "store", "zap", "0", "0", 1, true, 1),
  step(0, "atomic store", "zap", "1", "0", 0, false, 2),
];

function step(
  cpu: number,
  kind: ExploreStep["kind"],
  name: string,
  before: string,
  after: string | null,
  field: number,
  matters: boolean,
  held: number,
): Parts & { matters: boolean; held: number } {
  return { cpu, kind, function: name, before, after, field, matters, held };
}

/** A fresh timeline. */
export function timelineFixture(): Timeline {
  const known = new Map<number, string | null>();
  return {
    ...{ schedule: "it's:2.6.9@01234567/a2b2a2", cpus: 2, knowsLocks: true },
    fields: [
      { object: "mm[1.2]", name: "page_table_lock" },
      { object: "page[51]", name: `_mapcount ${HOSTILE}` },
    ],
    locks: [
      [[], []],
      [["mm[1.2].page_table_lock"], []],
      [[], []],
    ],
    events: parts.map((part, index) => {
      const value = part.after ?? part.before;
      const isNew = known.get(part.field) !== value;
      known.set(part.field, value);
      const isSwitch = index > 0 && parts[index - 1]?.cpu !== part.cpu;
      const writes = part.after !== null;
      return {
        event: index + 1,
        ...part,
        isSwitch,
        writes,
        effects: isNew ? [[part.field, value]] : [],
      };
    }),
  };
}

/** The document of the search that found it. */
export function exploreFixture(changes: Partial<ExploreDocument> = {}): ExploreDocument {
  const { events, fields, locks, schedule } = timelineFixture();
  const steps = events.filter(({ matters }) => matters);
  const count = { turns: 3, events: 6 };
  return {
    command: "explore",
    host: {
      cpuModel: "AMD EPYC",
      cores: 2,
      node: "20.20.2",
      os: "Linux 6.1.0 x64",
      date: "2026-11-26T12:00:00Z",
    },
    ...{
      subject: `cow-unmap ${HOSTILE}`,
      fingerprint: "01234567",
      cpus: 2,
      strategy: "mix",
      seed: 1,
    },
    ...{
      executions: 1500,
      redundant: 0,
      events: 9000,
      seconds: 0.5,
      complete: null,
      interrupted: false,
      workers: 2,
      checkpoint: null,
      ended: "found",
    },
    failure: {
      ...{ rule: "BUG_MAPCOUNT", message: HOSTILE, cpu: 0, execution: 15, strategy: "preemptions" },
      ...{ found: count, shrunk: count, schedule },
      steps: steps.map(
        ({ event, cpu, kind, function: name, field, before, after, isSwitch, held }) => ({
          ...{ event, cpu, kind, function: name, before, after, isSwitch },
          object: `${fields[field]?.object ?? ""}.${fields[field]?.name ?? ""}`,
          locks: locks[held]?.[cpu] ?? [],
        }),
      ),
    },
    ...changes,
  };
}
