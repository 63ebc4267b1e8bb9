// The timeline in a browser: the steps, one column for each CPU, and what is true at one of them. The page
// carries this class as its own source, next to Stepper, so it uses nothing from outside of itself. Text
// from the run enters the page as text only.

import type { TimelineEvent } from "../../experiment/explore-timeline.ts";
import type { FieldGroup, FieldState, Stepper } from "./stepper.ts";

/** One timeline on a page; its markup is timelineSection(). */
export class Viewer {
  readonly #root: HTMLElement;
  readonly #stepper: Stepper;
  readonly #page: Document;
  #rows: HTMLElement[] = [];
  #groups: FieldGroup[] = [];
  /** Steps to be visited, and which of them is shown. */
  #visited: number[] = [];
  #place = 0;
  #playing: ReturnType<typeof setInterval> | undefined;

  constructor(root: HTMLElement, stepper: Stepper) {
    this.#root = root;
    this.#page = root.ownerDocument;
    this.#stepper = stepper;
    this.#slider.addEventListener("input", () => {
      this.go(Number(this.#slider.value));
    });
    this.#part("all").addEventListener("change", () => {
      this.#reset();
    });
    for (const [name, act] of Object.entries(this.#buttons())) {
      this.#part(name).addEventListener("click", act);
    }
    this.#reset();
  }

  /** What the buttons do. */
  #buttons(): Record<string, () => void> {
    return {
      first: () => {
        this.go(0);
      },
      back: () => {
        this.go(this.#place - 1);
      },
      play: () => {
        this.play();
      },
      forward: () => {
        this.go(this.#place + 1);
      },
      last: () => {
        this.go(Infinity);
      },
    };
  }

  /** Acts on a key of the keyboard; false: the key is none of its own. */
  press(key: string): boolean {
    const names: Record<string, string> = { ArrowLeft: "back", ArrowRight: "forward" };
    const name = { ...names, Home: "first", End: "last", " ": "play" }[key];
    if (name === undefined) return false;
    this.#buttons()[name]?.();
    return true;
  }

  /** Shows a step, by its place among those that are visited. */
  go(place: number): void {
    const last = Math.max(this.#visited.length - 1, 0);
    this.#rows[this.#place]?.removeAttribute("aria-current");
    this.#place = Math.min(Math.max(place, 0), last);
    if (this.#place === last) this.#stop();
    const row = this.#rows[this.#place];
    row?.setAttribute("aria-current", "step");
    this.#reveal(this.#part("steps"), row);
    this.#slider.value = String(this.#place);
    const step = this.#visited[this.#place] ?? 0;
    const count = `step ${this.#place + 1} of ${this.#visited.length}`;
    this.#part("place").textContent = `${count}, event ${step + 1}`;
    this.#showState(step, this.#visited[this.#place - 1] ?? step - 1);
  }

  /** Goes on by itself until the end; again: stops. */
  play(): void {
    if (this.#playing !== undefined) {
      this.#stop();
      return;
    }
    if (this.#place === this.#visited.length - 1) this.go(0);
    this.#part("play").textContent = "Pause";
    this.#playing = setInterval(() => {
      this.go(this.#place + 1);
    }, 700);
  }

  #stop(): void {
    clearInterval(this.#playing);
    this.#playing = undefined;
    this.#part("play").textContent = "Play";
  }

  get #slider(): HTMLInputElement {
    return this.#part("slider") as HTMLInputElement;
  }

  #part(name: string): HTMLElement {
    return this.#root.querySelector(`[data-part="${name}"]`) as HTMLElement;
  }

  #make(tag: string, className: string, ...content: (string | Node)[]): HTMLElement {
    const element = this.#page.createElement(tag);
    if (className !== "") element.className = className;
    element.append(...content);
    return element;
  }

  /** Builds the list of steps anew, and stays where it was, or shortly before. */
  #reset(): void {
    const step = this.#visited[this.#place] ?? 0;
    const all = (this.#part("all") as HTMLInputElement).checked;
    this.#visited = this.#stepper.visited(all);
    this.#groups = this.#stepper.groups(all);
    this.#rows = this.#visited.map((each, place) => this.#row(each, this.#visited[place - 1]));
    this.#rows.forEach((row, place) => {
      row.addEventListener("click", () => {
        this.go(place);
      });
    });
    this.#part("steps").replaceChildren(...this.#rows);
    this.#slider.max = String(Math.max(this.#visited.length - 1, 0));
    this.go(this.#visited.findLastIndex((each) => each <= step));
  }

  #row(step: number, previous: number | undefined): HTMLElement {
    const { events } = this.#stepper.timeline;
    const event = events[step] as TimelineEvent;
    const before = previous === undefined ? undefined : events[previous];
    const isTurn = before?.cpu !== event.cpu;
    const cell = this.#make("span", `cell cpu-${event.cpu % 6}`);
    if (isTurn || before.function !== event.function) {
      cell.append(this.#make("span", "function", event.function));
    }
    cell.append(this.#action(event));
    cell.style.gridColumn = String(event.cpu + 2);
    const number = this.#make("span", "number", String(event.event));
    const row = this.#make("li", isTurn ? "turn" : "", number, cell);
    row.title = `${event.function}: ${event.kind} ${this.#nameOf(event.field)}`;
    return row;
  }

  /** What a step does: "page[51]._mapcount 0 → -1". */
  #action(event: TimelineEvent): HTMLElement {
    const { before, after, kind } = event;
    const name = this.#make("span", "object", this.#nameOf(event.field));
    if (before === null) return this.#make("span", "action", `${kind} `, name);
    const value = this.#make("b", "", before);
    if (after === null) {
      const verb = kind === "wait" ? "waits while " : "reads ";
      return this.#make("span", "action quiet", verb, name, " = ", value);
    }
    const vain = kind === "cmpxchg" && before === after ? " (fails)" : "";
    const change = this.#make("b", "", `${before} → ${after}${vain}`);
    return this.#make("span", "action", name, " ", change);
  }

  #nameOf(number: number): string {
    const { object, name } = this.#stepper.timeline.fields[number] ?? { object: "", name: "" };
    const dot = object === "" || name.startsWith("+") ? "" : ".";
    return `${object}${dot}${name}`;
  }

  #showState(step: number, previous: number): void {
    const state = this.#part("state");
    const values = this.#stepper.valuesAt(step);
    const changed = this.#stepper.changed(previous, step);
    const field = this.#stepper.timeline.events[step]?.field ?? -1;
    const objects = this.#groups.flatMap((group) => {
      const rows = group.fields.flatMap((number) => {
        const known = values.get(number);
        if (known === undefined) return [];
        const was = changed.has(number) ? (changed.get(number) ?? "?") : undefined;
        return [this.#fieldRow(number, known, was, number === field)];
      });
      if (rows.length === 0) return [];
      const title = group.object === "" ? "variables and others" : group.object;
      return [this.#make("section", "", this.#make("h4", "", title), ...rows)];
    });
    state.replaceChildren(this.#locks(step), ...objects);
    this.#reveal(state, state.querySelector<HTMLElement>("[aria-current]") ?? undefined);
  }

  #fieldRow(
    number: number,
    state: FieldState,
    was: string | undefined,
    isCurrent: boolean,
  ): HTMLElement {
    const { fields, events } = this.#stepper.timeline;
    const value = this.#make("b", "", state.value ?? "not known");
    if (was !== undefined) value.prepend(this.#make("s", "", was), " → ");
    const writer = events[state.written];
    const by = writer === undefined ? "" : `${writer.event}, CPU ${writer.cpu}`;
    const name = this.#make("span", "", fields[number]?.name ?? "");
    const row = this.#make("div", was === undefined ? "field" : "field changed", name, value);
    const note = this.#make("small", writer === undefined ? "" : `cpu-${writer.cpu % 6}`, by);
    note.title = writer === undefined ? "" : `written last by event ${by}, ${writer.function}`;
    row.append(note);
    if (isCurrent) row.setAttribute("aria-current", "true");
    return row;
  }

  #locks(step: number): HTMLElement {
    const box = this.#make("section", "locks", this.#make("h4", "", "Locks held"));
    if (!this.#stepper.timeline.knowsLocks) {
      box.append(
        this.#make("p", "", "not known: which words of a program are locks cannot be told"),
      );
      return box;
    }
    this.#stepper.locksAt(step).forEach((locks, cpu) => {
      const names = locks.length === 0 ? ["none"] : locks;
      const list = names.map((name) => this.#make("span", locks.length > 0 ? "lock" : "", name));
      box.append(
        this.#make("div", `holder cpu-${cpu % 6}`, this.#make("b", "", `CPU ${cpu}`), ...list),
      );
    });
    return box;
  }

  /** Scrolls a box, and nothing around it, so that something in it is seen. */
  #reveal(box: HTMLElement, inside: HTMLElement | undefined): void {
    if (inside === undefined) return;
    const [outer, inner] = [box.getBoundingClientRect(), inside.getBoundingClientRect()];
    const margin = outer.height / 5;
    if (inner.top < outer.top + margin) box.scrollTop -= outer.top + margin - inner.top;
    if (inner.bottom > outer.bottom - margin) box.scrollTop += inner.bottom - outer.bottom + margin;
  }
}
