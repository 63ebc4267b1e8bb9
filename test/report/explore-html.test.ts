// The page of racier explore --out: what it shows, that nothing from the run becomes markup, and its script,
// run here as the browser would run it, on a document without a browser.

import { createHash } from "node:crypto";
import { runInNewContext } from "node:vm";
import { parseHTML } from "linkedom";
import { beforeEach, describe, expect, test } from "vitest";
import { exploreHtml, hallHtml } from "../../src/report/explore-html.ts";
import { DATA_ID } from "../../src/report/page.ts";
import { TIMELINES_ID, timelineScript } from "../../src/report/timeline/section.ts";
import { HOSTILE, exploreFixture, timelineFixture } from "./timeline-fixture.ts";

const asked = { command: `racier explore '${HOSTILE}' --out page.html`, budget: "10 s" };

/** Parses a page and runs its script. */
function opened(html: string): Document {
  const { document, Event } = parseHTML(html) as unknown as {
    document: Document;
    Event: typeof globalThis.Event;
  };
  // What a browser does and this document does not: boxes have no size here.
  const box = { top: 0, bottom: 0, height: 0 };
  for (const element of document.querySelectorAll("*")) {
    const prototype = Object.getPrototypeOf(element) as { getBoundingClientRect?: () => object };
    prototype.getBoundingClientRect ??= () => box;
  }
  const script = document.querySelector("script[type=module]")?.textContent ?? "";
  runInNewContext(script, { document, Event, setInterval, clearInterval });
  return document;
}

const texts = (page: Document, selector: string): string[] =>
  [...page.querySelectorAll(selector)].map((element) => element.textContent);

describe("the page of a search that found something", () => {
  let html = "";
  let page: Document;
  const key = (name: string): void => {
    const event = new (page.defaultView as unknown as { Event: typeof Event }).Event("keydown", {
      bubbles: true,
    });
    Object.assign(event, { key: name });
    page.dispatchEvent(event);
  };
  const place = (): string => page.querySelector("output")?.textContent ?? "";
  const field = (name: string): string => {
    const rows = texts(page, ".state .field").map((text) => text.replaceAll(HOSTILE, ""));
    return rows.find((text) => text.startsWith(name)) ?? "";
  };

  beforeEach(() => {
    html = exploreHtml(exploreFixture(), timelineFixture(), asked);
    page = opened(html);
  });

  test("asks for nothing from outside, and lets one script run, by its hash", () => {
    expect(html).not.toMatch(/\b(src|href)\s*=\s*(?!"data:)(?=["'])|url\(|@import|https?:/i);
    const policy = page.querySelector("meta[http-equiv]")?.getAttribute("content");
    const hash = createHash("sha256").update(timelineScript()).digest("base64");
    expect(policy).toBe(
      `default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src 'sha256-${hash}'`,
    );
  });

  test("makes no markup of text from the run", () => {
    expect(page.querySelectorAll("img")).toHaveLength(0);
    expect(page.querySelectorAll("script")).toHaveLength(3);
    expect(texts(page, ".verdict p")).toEqual([HOSTILE]);
    expect(texts(page, "h1")).toEqual([`cow-unmap ${HOSTILE}`]);
  });

  test("holds the document and the timeline", () => {
    const json = (id: string): unknown => JSON.parse(page.getElementById(id)?.textContent ?? "");
    expect(json(DATA_ID)).toEqual(exploreFixture());
    expect(json(TIMELINES_ID)).toEqual([timelineFixture()]);
  });

  test("says what was searched, and how to see it again", () => {
    const facts = texts(page, "dd");
    expect(facts).toContain("strategy mix, seed 1, budget 10 s");
    expect(facts).toContain("1,500 executions, 0.5 s, 3,000 a second");
    expect(texts(page, ".copyable code")).toEqual([
      `racier replay 'it'\\''s:2.6.9@01234567/a2b2a2'`,
    ]);
    expect(texts(page, ".copyable pre")[0]).toContain("zap: page[51]._mapcount");
  });

  test("shows the steps that matter, and all of them on demand", () => {
    expect(texts(page, ".steps .number")).toEqual(["2", "3", "4", "5"]);
    expect(place()).toBe("step 1 of 4, event 2");
    const all = page.querySelector("[data-part=all]") as HTMLInputElement;
    all.checked = true;
    all.dispatchEvent(new (page.defaultView as unknown as { Event: typeof Event }).Event("change"));
    expect(texts(page, ".steps .number")).toEqual(["1", "2", "3", "4", "5", "6"]);
    expect(place()).toBe("step 2 of 6, event 2");
  });

  test("steps with the keys, and shows values, who wrote them and who holds what", () => {
    expect(field("_mapcount")).toBe("_mapcount 1");
    key("ArrowRight");
    key("ArrowRight");
    expect(place()).toBe("step 3 of 4, event 4");
    expect(field("_mapcount")).toBe("_mapcount 1 → 04, CPU 1");
    expect(texts(page, ".holder")).toEqual(["CPU 0mm[1.2].page_table_lock", "CPU 1none"]);
    key("ArrowLeft");
    expect(field("_mapcount")).toBe("_mapcount 1");
    key("End");
    expect(field("_mapcount")).toBe("_mapcount 05, CPU 0");
    key("ArrowRight");
    expect(place()).toBe("step 4 of 4, event 5");
    key("Home");
    expect(place()).toBe("step 1 of 4, event 2");
    expect(texts(page, "li[aria-current] .number")).toEqual(["2"]);
  });
});

test("a search that found nothing has its verdict, and no timeline", () => {
  const doc = exploreFixture({ failure: null, ended: "complete", complete: "every behaviour" });
  const page = opened(exploreHtml(doc, undefined, asked));
  expect(texts(page, ".verdict")).toEqual(["complete: every behaviour is right"]);
  expect(page.querySelectorAll("[data-timeline], .copyable")).toHaveLength(0);
});

test("the hall has a table of all exhibits and a timeline for each that broke", () => {
  const exhibit = { scenario: "cow-unmap", title: HOSTILE, kernel: "2.6.9" };
  const html = hallHtml(
    [
      {
        ...exhibit,
        without: null,
        document: exploreFixture({ failure: null }),
        timeline: undefined,
      },
      { ...exhibit, without: HOSTILE, document: exploreFixture(), timeline: timelineFixture() },
    ],
    asked,
  );
  const page = opened(html);
  expect(page.querySelectorAll("tbody tr")).toHaveLength(2);
  expect(texts(page, "tbody td").filter((text) => text === HOSTILE)).toHaveLength(1);
  expect(page.querySelectorAll("details [data-timeline]")).toHaveLength(1);
  expect(page.querySelectorAll("img")).toHaveLength(0);
});
