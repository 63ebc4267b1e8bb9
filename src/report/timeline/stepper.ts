// What is true at a step of a timeline: values, locks, and which step comes next. No more than arithmetic on
// the data, so that the page of `racier explore --out` carries this class as its own source, and tests run
// the same code. Hence it uses nothing from outside of itself.

import type { Timeline } from "../../experiment/explore-timeline.ts";

/** A field at a step. Steps are numbers of events in the timeline, from 0. */
export interface FieldState {
  /** Null: a bulk copy has been there, whose result is not known. */
  readonly value: string | null;
  /** Step that told the value. */
  readonly told: number;
  /** Step that wrote it last; -1: none of this execution did, as far as is known. */
  readonly written: number;
}

/** An object and its fields. */
export interface FieldGroup {
  readonly object: string;
  /** Numbers of fields. */
  readonly fields: readonly number[];
}

/** See the head of the file. `all`: every step is visited, not only those that matter. */
export class Stepper {
  readonly timeline: Timeline;

  constructor(timeline: Timeline) {
    this.timeline = timeline;
  }

  /** The steps to be visited. */
  visited(all: boolean): number[] {
    const { events } = this.timeline;
    const steps = events.map((_, step) => step);
    return all ? steps : steps.filter((step) => events[step]?.matters);
  }

  /** All fields that are known after a step; before the first one (-1) there are none. */
  valuesAt(step: number): Map<number, FieldState> {
    const states = new Map<number, FieldState>();
    this.timeline.events.slice(0, step + 1).forEach(({ effects, field, writes }, told) => {
      for (const [number, value] of effects) {
        const written = writes ? told : (states.get(number)?.written ?? -1);
        states.set(number, { value, told, written });
      }
      const own = states.get(field);
      if (writes && own !== undefined) states.set(field, { ...own, written: told });
    });
    return states;
  }

  /** Fields whose value is another one than at an earlier step, by what it was there. */
  changed(from: number, to: number): Map<number, string | null> {
    const before = this.valuesAt(from);
    const changes = new Map<number, string | null>();
    for (const [number, { value, told }] of this.valuesAt(to)) {
      const old = before.get(number);
      const first = this.timeline.events[told]?.before ?? null;
      // A field that was not known before was found by the step that told of it.
      const was = old === undefined ? (told === to ? first : value) : old.value;
      if (was !== value) changes.set(number, was);
    }
    return changes;
  }

  /** Locks that each CPU holds after a step. */
  locksAt(step: number): readonly (readonly string[])[] {
    const { events, locks } = this.timeline;
    return locks[events[step]?.held ?? 0] ?? [];
  }

  /** Objects in the order in which they are first touched, with the fields that a visited step touches. */
  groups(all: boolean): FieldGroup[] {
    const { events, fields } = this.timeline;
    const groups = new Map<string, Set<number>>();
    for (const step of this.visited(all)) {
      const number = events[step]?.field ?? 0;
      const object = fields[number]?.object ?? "";
      groups.set(object, (groups.get(object) ?? new Set()).add(number));
    }
    return [...groups].map(([object, numbers]) => ({ object, fields: [...numbers] }));
  }
}
