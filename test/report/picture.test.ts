// The charts of each report as one picture: all of them, each with its title and its colours, within the cores, and
// nothing that needs anything else.

import { parseHTML } from "linkedom";
import { expect, test } from "vitest";
import { locksCharts } from "../../src/report/locks/charts.ts";
import { forkCharts } from "../../src/report/html.ts";
import { notifiersCharts } from "../../src/report/notifiers-html.ts";
import { picture } from "../../src/report/picture.ts";
import { scaleCharts } from "../../src/report/scale-html.ts";
import { forkFixture } from "./fork-fixture.ts";
import { HOSTILE, LOCK_NAMES, locksFixture } from "./locks-fixture.ts";
import { notifiersFixture } from "./notifiers-fixture.ts";
import { scaleFixture } from "./scale-fixture.ts";

/** The little of a DOM that is asked here; this project compiles without the browser's types. */
interface Found {
  readonly textContent: string;
  querySelectorAll(selector: string): Iterable<Found> & ArrayLike<Found>;
}

function parsed(svg: string): { readonly charts: number; readonly texts: readonly string[] } {
  const { document } = parseHTML(`<html><body>${svg}</body></html>`) as { document: unknown } as {
    document: Found;
  };
  return {
    charts: document.querySelectorAll("svg > g > g > svg").length,
    texts: [...document.querySelectorAll("text")].map(({ textContent }) => textContent),
  };
}

const CASES = [
  ["fork", forkFixture(), forkCharts],
  ["locks", locksFixture(), locksCharts],
  ["notifiers", notifiersFixture(), notifiersCharts],
  ["scale", scaleFixture(), scaleCharts],
] as const;

test.each(CASES)("%s", async (_, doc, chartsOf) => {
  const charts = await (chartsOf as (doc: unknown) => ReturnType<typeof chartsOf>)(doc);
  const svg = picture(charts, doc, `racier '${HOSTILE}'`);
  const shown = parsed(svg);

  expect(charts.length).toBeGreaterThan(0);
  expect(shown.charts).toBe(charts.length);
  for (const { title, legend = [] } of charts) {
    expect(shown.texts).toEqual(
      expect.arrayContaining([title, ...legend.map(({ label }) => label)]),
    );
  }
  expect(svg).not.toMatch(/NaN|undefined|Infinity|<img/);
  expect(svg).not.toMatch(/<[^>]*\b(src|href)\s*=/);
});

test("locks beyond the cores are not in it", async () => {
  const doc = locksFixture();
  const charts = await locksCharts(doc);
  const svg = picture(charts, doc, "racier locks");

  // Eight locks are more than six: two charts.
  expect(charts).toHaveLength(2);
  expect(LOCK_NAMES.filter((name) => !parsed(svg).texts.includes(name))).toEqual([]);
  expect(svg).not.toContain("4†");
});

test("a long command stands in lines", async () => {
  const doc = locksFixture();
  const command = `racier locks ${LOCK_NAMES.join(" ")} --cpus 1,2,4,8 --critical 100ns,1us --think 0,1us`;
  const [first = "", second = ""] = parsed(picture(await locksCharts(doc), doc, command)).texts;

  expect(`${first} ${second}`).toBe(command);
  expect(first.length).toBeLessThanOrEqual(100);
});
