// The timeline as part of a page: markup, and the script that fills it. Its look is in style.ts.

import type { Timeline } from "../../experiment/explore-timeline.ts";
import { escapeHtml, jsonBlock, type Html } from "../page.ts";
import { Stepper } from "./stepper.ts";
import { Viewer } from "./viewer.ts";

/** Id of the script element that holds the timelines of a page as JSON. */
export const TIMELINES_ID = "racier-timelines";

const BUTTONS = [
  ["first", "First", "Home"],
  ["back", "Back", "left arrow"],
  ["play", "Play", "space bar"],
  ["forward", "Forward", "right arrow"],
  ["last", "Last", "End"],
] as const;

/** The place of a timeline. `index`: its place in timelineData(). */
export function timelineSection(timeline: Timeline, index: number): Html {
  const { cpus, events } = timeline;
  const buttons = BUTTONS.map(
    ([part, label, key]) =>
      `<button type="button" data-part="${part}" title="${key}">${label}</button>`,
  );
  const heads = Array.from(
    { length: cpus },
    (_, cpu) => `<span class="cpu-${cpu % 6}">CPU ${cpu}</span>`,
  );
  return `<div class="timeline" data-timeline="${index}" style="--cpus:${cpus}">
<div class="controls">
<div class="buttons">${buttons.join("")}</div>
<input type="range" min="0" max="0" value="0" data-part="slider" aria-label="Step">
<output data-part="place"></output>
<label><input type="checkbox" data-part="all"> all ${events.length} events</label>
</div>
<div class="panes">
<div class="pane">
<div class="heads"><span>event</span>${heads.join("")}</div>
<ol class="steps" data-part="steps" tabindex="0"></ol>
</div>
<div class="state" data-part="state" tabindex="0" aria-label="Objects and locks at this step"></div>
</div>
</div>`;
}

/** The data that the script reads. */
export function timelineData(timelines: readonly Timeline[]): Html {
  return jsonBlock(TIMELINES_ID, timelines, 0);
}

/** A command to be copied. */
export function copyable(text: string, kind: "line" | "block"): Html {
  const code =
    kind === "line" ? `<code>${escapeHtml(text)}</code>` : `<pre>${escapeHtml(text)}</pre>`;
  return `<div class="copyable ${kind}">${code}<button type="button" data-copy>Copy</button></div>`;
}

/** Makes the viewers, each when it is first seen, and gives keys to the one that was used last. */
function start(
  page: Document,
  makeViewer: (root: HTMLElement, timeline: Timeline) => Viewer,
): void {
  const data = page.getElementById("racier-timelines")?.textContent ?? "[]";
  const timelines = JSON.parse(data) as Timeline[];
  const viewers = new Map<Element, Viewer>();
  let current: Viewer | undefined;
  const use = (root: Element | null | undefined): void => {
    if (root === null || root === undefined) return;
    const timeline = timelines[Number(root.getAttribute("data-timeline"))] as Timeline;
    current = viewers.get(root) ?? makeViewer(root as HTMLElement, timeline);
    viewers.set(root, current);
  };
  for (const fold of page.querySelectorAll("details")) {
    fold.addEventListener("toggle", () => {
      if (fold.open) use(fold.querySelector("[data-timeline]"));
    });
  }
  page.addEventListener("click", (event) => {
    const target = event.target as Element;
    use(target.closest("[data-timeline]"));
    if (!target.hasAttribute("data-copy")) return;
    const text = target.previousElementSibling?.textContent ?? "";
    void page.defaultView?.navigator.clipboard.writeText(text).then(() => {
      target.textContent = "Copied";
    });
  });
  page.addEventListener("keydown", (event) => {
    const { target, key, altKey, ctrlKey, metaKey } = event;
    const tag = (target as Element | null)?.tagName ?? "";
    const isTaken = /^(INPUT|BUTTON|SUMMARY)$/.test(tag) && (key === " " || tag === "INPUT");
    if (altKey || ctrlKey || metaKey || isTaken) return;
    if (current?.press(key)) event.preventDefault();
  });
  use(page.querySelector("main > section [data-timeline]"));
}

/** The script of a page with timelines: the classes and functions above as their own source. */
export function timelineScript(): string {
  const make = "(root, timeline) => new Viewer(root, new Stepper(timeline))";
  return [...[Stepper, Viewer, start].map(String), `start(document, ${make});`].join("\n");
}
