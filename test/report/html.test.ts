// The HTML report: one file that asks for nothing, shows nothing that text from outside smuggles in, and
// keeps results with more CPUs than cores out of the charts of the others.

import { parseHTML } from "linkedom";
import { beforeAll, describe, expect, test } from "vitest";
import type { ForkDocument } from "../../src/experiment/fork-document.ts";
import { forkHtml } from "../../src/report/html.ts";
import { DATA_ID, escapeHtml } from "../../src/report/page.ts";
import { forkFixture } from "./fork-fixture.ts";

const COMMAND = "racier fork --preset bash --out '<report>.html'";

/** The little of a DOM that is asked here; this project compiles without the browser's types. */
interface PageElement {
  id: string;
  textContent: string;
  getAttribute(name: string): string | null;
  querySelector(selector: string): PageElement | null;
  querySelectorAll(selector: string): Iterable<PageElement> & ArrayLike<PageElement>;
}

function parsed(html: string) {
  const { document } = parseHTML(html) as { document: unknown } as { document: PageElement };
  const texts = (selector: string) =>
    [...document.querySelectorAll(selector)].map((element) => element.textContent);
  return { document, texts };
}

describe("a report of two kernels on 1, 2 and, beyond the cores, 4 CPUs", () => {
  let doc: ForkDocument;
  let html: string;
  let page: ReturnType<typeof parsed>;

  beforeAll(async () => {
    doc = forkFixture();
    html = await forkHtml(doc, COMMAND);
    page = parsed(html);
  });

  test("refers to nothing outside of itself", () => {
    expect(html).not.toMatch(/\b(src|href)\s*=\s*(?!"data:)/i);
    expect(html).not.toMatch(/url\(|@import|https?:/i);
    expect(page.document.querySelector("meta[http-equiv]")?.getAttribute("content")).toMatch(
      "default-src 'none'",
    );
  });

  test("holds the document that --json prints, and no other script", () => {
    const scripts = [...page.document.querySelectorAll("script")];

    expect(scripts.map((script) => script.getAttribute("type"))).toEqual(["application/json"]);
    expect(scripts[0]?.id).toBe(DATA_ID);
    expect(JSON.parse(scripts[0]!.textContent)).toEqual(doc);
  });

  test("shows text from outside as text", () => {
    expect(page.texts("h1")[0]).toMatch('bash <script>alert("1")</script>');
    expect(page.texts("dd code")).toEqual([COMMAND]);
    expect(html).not.toMatch(/<script>/);
  });

  test("says in its caption what was measured on what", () => {
    const caption = Object.fromEntries(
      page.texts("dt").map((name, index) => [name, page.texts("dd")[index]]),
    );

    expect(caption).toEqual({
      Kernels: "2.6.8, 2.6.9",
      Engine: "threads: one real thread for each CPU, times measured on the host",
      Host: "AMD EPYC 7763 64-Core Processor, 2 cores, Linux 6.1.0 x64, Node 20.20.2",
      Version: "racier 0.1.0",
      Rounds: "30, interleaved",
      Date: "2026-11-23 12:00 UTC",
      Command: COMMAND,
    });
  });

  test("has a chart of changes, and one of times and one of phases for each workload", () => {
    expect(page.texts("figcaption")).toEqual([
      "2.6.8 to 2.6.9",
      ...["fork+exit", "fork+exec", "fork+sh"],
      ...["fork+exit", "fork+exec", "fork+sh"],
      ...["fork+exit", "fork+exit"],
    ]);
    expect(page.document.querySelectorAll("figure > svg")).toHaveLength(9);
  });

  test("draws each interval of a change and a line at zero", () => {
    const svg = page.document.querySelector("figure > svg")!;

    expect(svg.querySelectorAll("circle")).toHaveLength(6);
    expect(svg.querySelectorAll('[aria-label="tick"] line')).toHaveLength(12);
    expect(svg.querySelectorAll('[aria-label="rule"]')[0]?.querySelectorAll("line")).toHaveLength(
      1,
    );
    expect(svg.textContent).toMatch("-9.8 %");
  });

  test("draws no result beyond the cores in a chart with others", () => {
    const crowded = page.texts("figure > svg").map((text) => text.includes("4†"));
    const honest = page.texts("figure > svg").map((text) => /\b[12] CPUs?/.test(text));

    expect(crowded).toEqual([false, false, false, false, false, false, false, true, true]);
    expect(honest).toEqual(crowded.map((isCrowded) => !isCrowded));
  });

  test("has the tables and sentences of the terminal", () => {
    expect(page.document.querySelectorAll("table")).toHaveLength(3);
    expect(page.texts(".findings li")[0]?.replaceAll("\u00a0", " ")).toBe(
      "fork+exit on 1 CPU: 2.6.9 is 9.8 % faster than 2.6.8 (95 % interval 9.1 to 10.4 %)",
    );
  });

  test("contains no number that could not be computed", () => {
    expect(html).not.toMatch(/NaN|undefined|Infinity|\[object/);
  });
});

describe("an unusual report", () => {
  test("of hostile kernel names still has one script, and no element of theirs", async () => {
    const doc = forkFixture();
    const name = `"><img src=x onerror=alert(1)></script></style><!--`;
    for (const result of doc.results) if (result.kernel === "2.6.9") result.kernel = name;
    for (const comparison of doc.comparisons) comparison.to = name;

    const { document } = parsed(await forkHtml(doc, name));

    expect(document.querySelectorAll("script")).toHaveLength(1);
    expect(document.querySelectorAll("img")).toHaveLength(0);
    expect(JSON.parse(document.querySelector("script")!.textContent)).toEqual(doc);
  });

  test("of one kernel compares nothing", async () => {
    const doc = forkFixture({ comparisons: [] });
    doc.results = doc.results.filter(({ kernel, cpus }) => kernel === "2.6.8" && cpus === 1);

    const { texts } = parsed(await forkHtml(doc, COMMAND));

    expect(texts("h2")).toEqual(["Time of one operation", "Where the time went", "Data"]);
  });

  test("of results that are all beyond the cores has only the charts set apart", async () => {
    const doc = forkFixture({ comparisons: [] });
    doc.results = doc.results.filter(({ oversubscribed }) => oversubscribed);

    const { texts } = parsed(await forkHtml(doc, COMMAND));

    expect(texts("figure > svg").every((text) => text.includes("4†"))).toBe(true);
    expect(texts("figure > svg")).toHaveLength(2);
  });

  test("of nothing says that no round was completed", async () => {
    const doc = forkFixture({ results: [], comparisons: [], interrupted: true });

    const { document, texts } = parsed(await forkHtml(doc, COMMAND));

    expect(texts("main").join()).toMatch("No round was completed.");
    expect(document.querySelectorAll("svg")).toHaveLength(0);
  });

  test("of phases that were not measured draws no broken bar", async () => {
    const doc = forkFixture();
    const none = { vmas: 0, pageTables: 0, pteCopy: 0, faults: 0, cow: 0, zap: 0, other: 0 };
    for (const result of doc.results) result.phases = { ...none };

    expect(await forkHtml(doc, COMMAND)).not.toMatch(/NaN|Infinity/);
  });
});

test("escapeHtml leaves no character that HTML gives a meaning", () => {
  expect(escapeHtml(`<a b="c" d='e'>&`)).toBe("&lt;a b=&quot;c&quot; d=&#39;e&#39;&gt;&amp;");
});
