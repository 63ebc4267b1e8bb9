// Every step of one schedule, with what it leaves in memory: for the files that `racier explore --out`
// writes. The schedule is run once more, on a machine that writes values down; a document keeps the steps
// that matter only.
//
// A field is what was accessed at one address with one size. A step tells the value of its own field, and,
// where accesses of other sizes overlap with it, of those fields too. What a bulk copy leaves is not written
// down: until the next access such a field is unknown.

import type { Off } from "../engine/explore/detect/catalogue.ts";
import type { AccessLog } from "../engine/explore/access-log.ts";
import { isWrite } from "../engine/explore/runtime.ts";
import { checkSchedule, parseSchedule } from "../engine/explore/schedule.ts";
import { Replay } from "../engine/explore/strategy/replay.ts";
import type { ExploreStep } from "./explore-document.ts";
import { allStepsOf, formatValue, type MarkedStep } from "./explore-steps.ts";
import { subjectOf, subjectOfKey } from "./explore-subject.ts";

/** Something in memory that was accessed. */
export interface TimelineField {
  /** "page[51]", "mm[563.28]"; empty for what stands alone. */
  readonly object: string;
  /** "_mapcount". */
  readonly name: string;
}

/** What is known of a field after a step: its number, and its value or null. */
export type Effect = readonly [field: number, value: string | null];

/** One step. */
export interface TimelineEvent extends Omit<ExploreStep, "locks" | "object"> {
  /** Number of the field that it accesses. */
  readonly field: number;
  /** A diagram shows it. */
  readonly matters: boolean;
  /** It may have changed memory. */
  readonly writes: boolean;
  /** What is newly known after it. */
  readonly effects: readonly Effect[];
  /** Number of the locks that are held after it. */
  readonly held: number;
}

/** An execution, step by step. */
export interface Timeline {
  readonly schedule: string;
  readonly cpus: number;
  readonly fields: readonly TimelineField[];
  /** Locks that each CPU holds, for TimelineEvent.held; the first: nothing is held. */
  readonly locks: readonly (readonly (readonly string[])[])[];
  /** Whether locks are known at all: those of a program are not. */
  readonly knowsLocks: boolean;
  readonly events: readonly TimelineEvent[];
}

/**
 * Runs a schedule and writes down all of it.
 * @param line as `racier explore` prints it
 * @throws ConfigError when it is no schedule, or one of other code
 */
export async function recordTimeline(line: string, off: Off): Promise<Timeline> {
  const schedule = parseSchedule(line);
  const subject = await subjectOf(subjectOfKey(schedule.subject, off));
  const { exploration, names } = subject.open(true);
  const { cpus } = exploration.subject;
  checkSchedule(schedule, subject.fingerprint, cpus);
  let timeline: Timeline | undefined;
  exploration.execute(new Replay(schedule.turns), () => {
    const { log } = exploration;
    const parts = timelineOf(log, allStepsOf(log, names), cpus);
    timeline = { schedule: line.trim(), cpus, knowsLocks: names.isKernel, ...parts };
  });
  if (timeline === undefined) throw new Error("a replay runs once");
  return timeline;
}

type Parts = Pick<Timeline, "fields" | "locks" | "events">;

function timelineOf(log: AccessLog, steps: readonly MarkedStep[], cpus: number): Parts {
  const fields = new Fields();
  const locks: (readonly (readonly string[])[])[] = [Array.from({ length: cpus }, () => [])];
  let seen: MarkedStep["held"] | undefined;
  const events = steps.map(({ step, matters, held }, index): TimelineEvent => {
    if (seen !== held && (seen !== undefined || held.some((each) => each.length > 0))) {
      locks.push(held.slice(0, cpus));
    }
    seen = held;
    const { event, cpu, kind, function: name, before, after, isSwitch } = step;
    const field = fields.numberOf(log.address(index), log.size(index), step.object);
    const effects = fields.access(field, log.before(index), log.after(index));
    const writes = isWrite(log.kind(index));
    return {
      ...{ event, cpu, kind, function: name, before, after, isSwitch },
      ...{ field, matters, writes, effects, held: locks.length - 1 },
    };
  });
  return { fields: fields.names(), locks, events };
}

interface Field {
  readonly address: number;
  readonly size: number;
  readonly object: string;
  /** As it was last told; undefined: never. */
  told: string | null | undefined;
}

/** The fields of an execution, and the bytes that are known of them. */
class Fields {
  readonly #fields: Field[] = [];
  readonly #numbers = new Map<string, number>();
  /** Numbers of the fields that a word of four bytes is part of. */
  readonly #byWord = new Map<number, number[]>();
  readonly #bytes = new Map<number, number>();

  numberOf(address: number, size: number, object: string): number {
    const key = `${address} ${size}`;
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    const number = this.#fields.push({ address, size, object, told: undefined }) - 1;
    this.#numbers.set(key, number);
    for (const word of wordsOf(address, size)) {
      this.#byWord.set(word, [...(this.#byWord.get(word) ?? []), number]);
    }
    return number;
  }

  /** An access that found and left values, or a bulk one that nothing is known of. */
  access(number: number, before: bigint | undefined, after: bigint | undefined): Effect[] {
    const { address, size } = this.#fields[number] as Field;
    const value = after ?? before;
    for (let i = 0; i < size; i++) {
      if (value === undefined) this.#bytes.delete(address + i);
      else this.#bytes.set(address + i, Number((value >> BigInt(8 * i)) & 0xffn));
    }
    const near = new Set(
      [...wordsOf(address, size)].flatMap((word) => this.#byWord.get(word) ?? []),
    );
    return [...near].flatMap((each): Effect[] => {
      const field = this.#fields[each] as Field;
      const isFirst = field.told === undefined;
      if (isFirst && each !== number) return [];
      const told = this.#valueOf(field);
      if (told === field.told) return [];
      field.told = told;
      return [[each, told]];
    });
  }

  #valueOf({ address, size }: Field): string | null {
    if (size > 8) return null;
    let value = 0n;
    for (let i = size - 1; i >= 0; i--) {
      const byte = this.#bytes.get(address + i);
      if (byte === undefined) return null;
      value = (value << 8n) | BigInt(byte);
    }
    return formatValue(value);
  }

  /** What is larger than a word, and fields of the same name, have their size in it. */
  names(): TimelineField[] {
    const count = new Map<string, number>();
    for (const { object } of this.#fields) count.set(object, (count.get(object) ?? 0) + 1);
    return this.#fields.map(({ object, size }) => {
      const [, owner = "", name = object] = /^(\w+\[[^\]]*\])\.?(.+)$/.exec(object) ?? [];
      const isPlain = size <= 8 && count.get(object) === 1;
      const bytes = isPlain ? "" : `${size > 8 ? " ..." : ""} (${size} bytes)`;
      return { object: owner, name: `${name}${bytes}` };
    });
  }
}

function* wordsOf(address: number, size: number): Generator<number> {
  for (let word = address >>> 2; word <= (address + size - 1) >>> 2; word++) yield word;
}
