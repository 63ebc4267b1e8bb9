// What `racier locks` prints and draws: results with more CPUs than cores are marked and apart, a lock that is
// none is told, and text from outside stays text.

import { parseHTML } from "linkedom";
import { expect, test } from "vitest";
import { LOCKS } from "../../src/lab/catalogue.ts";
import { locksHtml } from "../../src/report/locks/html.ts";
import { lockList } from "../../src/report/locks/list.ts";
import { locksText } from "../../src/report/locks/text.ts";
import { DATA_ID } from "../../src/report/page.ts";
import { PLAIN } from "../../src/report/table.ts";
import { HOSTILE, LOCK_NAMES, locksFixture, trylockFixture } from "./locks-fixture.ts";

/** The little of a DOM that is asked here; this project compiles without the browser's types. */
interface PageElement {
  readonly textContent: string;
  querySelectorAll(selector: string): Iterable<PageElement> & ArrayLike<PageElement>;
}

function parsed(html: string) {
  const { document } = parseHTML(html) as { document: unknown } as { document: PageElement };
  const texts = (selector: string): string[] =>
    [...document.querySelectorAll(selector)].map((element) => element.textContent);
  return { document, texts };
}

test("the text has a row for each lock and load, and marks those beyond the cores", () => {
  const text = locksText(locksFixture(), PLAIN);
  const rows = text.split("\n").filter((line) => /^ttas +\d/.test(line));

  // Costs, fairness, and the first bar of each chart.
  expect(rows.map((row) => /^ttas +(\d†?)/.exec(row)?.[1])).toEqual([
    ...["1", "2", "4†", "1", "2", "4†"],
    ...["1", "4†"],
  ]);
  expect(rows[0]).toBe(
    "ttas         1   9.00   8.73 to 9.18                4.5  2.7 to 4.4        10   20   90    800      20,017",
  );
  expect(text).toMatch("† More CPUs than this host's 2 cores");
  expect(text).toMatch(/^ticket .* \(-5\.0 %\) /m);
  expect(text).toMatch(/^mcs .* -10\.0 % /m);
  expect(text).toMatch("1.66 ns an operation");
  expect(text).toMatch(`is not a lock: CPUs took 832 turns`);
  expect(text.match(/^\d CPUs: .*$/gm)).toEqual([
    "2 CPUs: most acquisitions ttas (4.50 million a second); 99 of 100 waits end within 180 ns with ttas, " +
      "within 243 ns with mutex; one CPU gets 84 % of an equal share with mutex; " +
      "40 % of the turns of mutex follow one of the same CPU.",
  ]);
  expect(text).not.toMatch(/NaN|undefined|Infinity/);
});

test("the page is whole, refers to nothing outside, and shows text from outside as text", async () => {
  const doc = locksFixture();
  const html = await locksHtml(doc, `racier locks '${HOSTILE}'`);
  const { document, texts } = parsed(html);

  expect(html).not.toMatch(/\b(src|href)\s*=\s*(?!"data:)["'h/.]/i);
  expect(document.querySelectorAll("img")).toHaveLength(0);
  expect(document.querySelectorAll("script")).toHaveLength(1);
  expect(JSON.parse(texts(`script#${DATA_ID}`)[0]!)).toEqual(doc);
  expect(html).not.toMatch(/NaN|undefined|Infinity|\[object/);
});

test("curves beyond the cores are in no chart with others, and no chart has more than six locks", async () => {
  const { document, texts } = parsed(await locksHtml(locksFixture(), "racier locks"));
  const [fair, crowded] = [texts("section"), texts("section")].map((sections, i) =>
    sections.filter((text) => text.startsWith("\n† ") === (i === 1) && text.includes("a second")),
  );

  expect(fair!.length).toBeGreaterThan(0);
  expect(crowded).toHaveLength(1);
  const charts = texts("figure > svg");
  const mixed = charts.filter((text) => text.includes("4†") && /\b[12] CPUs?\b/.test(text));
  expect(charts.filter((text) => text.includes("4†"))).not.toEqual([]);
  expect(mixed).toEqual([]);
  for (const figure of document.querySelectorAll("figure")) {
    expect(figure.querySelectorAll(".legend li").length).toBeLessThanOrEqual(6);
  }
  const named = [...document.querySelectorAll("figure")].flatMap((figure) =>
    [...figure.querySelectorAll(".legend li")].map((item) => item.textContent),
  );
  expect(new Set(named)).toEqual(new Set(LOCK_NAMES));
});

test("trying beside waiting ends in words, on the terminal and on the page", async () => {
  const doc = trylockFixture();
  const text = locksText(doc, PLAIN);

  expect(text).toMatch(
    "ttas, 2 CPUs, 100 ns under the lock and 300 ns between: 41.7 % of the tries fail, up to 9 in a row; " +
      "7.4 % fewer critical sections than with waiting; other work gets 60 % of the time in place of 40 % " +
      "(31 % is spent waiting, 3 % on tries that fail); one CPU gets 34 % of an equal share when it tries, 97 % when it waits.",
  );
  expect(text).toMatch(
    /^A trylock buys time for other work at think time 300 ns: up to 20 points of CPU time\. It costs most at .*42 %/m,
  );
  const { texts } = parsed(await locksHtml(doc, "racier locks"));
  expect(texts("h2")).toContain("Trylock beside spinlock");
  expect(texts(".findings li")).toHaveLength(1);
});

test("nothing measured is said, and draws nothing", async () => {
  const doc = locksFixture({ results: [], rounds: 0 });

  expect(locksText(doc, PLAIN)).toMatch("is not a lock");
  const { document, texts } = parsed(await locksHtml(doc, "racier locks"));
  expect(texts("main").join()).toMatch("Nothing was measured.");
  expect(document.querySelectorAll("svg")).toHaveLength(0);
});

test("the list has each lock with its source, as a table and as JSON", () => {
  const lines = lockList(LOCKS, false).trimEnd().split("\n");
  const json = JSON.parse(lockList(LOCKS, true)) as { locks: { name: string; file: string }[] };

  expect(lines).toHaveLength(LOCKS.length + 1);
  expect(json.locks.map(({ name }) => name)).toEqual(LOCKS.map(({ name }) => name));
  expect(lines[1]).toMatch("assembly/lock/");
});
