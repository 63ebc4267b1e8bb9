// docs/json.md is what users program against: each field of a document is in it, and nothing else is.

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { forkFixture } from "./fork-fixture.ts";
import { scaleFixture } from "./scale-fixture.ts";
import { notifiersFixture } from "./notifiers-fixture.ts";
import { trylockFixture } from "./locks-fixture.ts";

const markdown = readFileSync(new URL("../../docs/json.md", import.meta.url), "utf8");

/** First and third column (field, unit) of the tables between a heading and the next one. */
function documentedFields(heading: string): Map<string, string> {
  const start = markdown.indexOf(`${heading}\n`);
  expect(start, `docs/json.md has the heading "${heading}"`).toBeGreaterThanOrEqual(0);
  const [body = ""] = markdown.slice(start + heading.length).split(/^#/m);
  const rows = [...body.matchAll(/^\| `(\w+)` *\|[^|]*\|([^|]*)\|/gm)];
  return new Map(rows.map(([, field = "", unit = ""]) => [field, unit.trim()]));
}

const doc = forkFixture();
const scale = scaleFixture();
const locks = trylockFixture();
const notifiers = notifiersFixture();
const objects: [heading: string, value: object][] = [
  ["## `racier fork --json`", doc],
  ["### `host`", doc.host],
  ["### `input`", doc.input],
  ["### `results[]`", doc.results[0]!],
  ["### `results[].phases`", doc.results[0]!.phases],
  ["### `comparisons[]`", doc.comparisons[0]!],
  ["## `racier locks --json`", locks],
  ["### `input` of `locks`", locks.input],
  ["### `cost` of `locks`", locks.cost],
  ["### `locks[]` of `locks`", locks.locks[0]!],
  ["### `results[]` of `locks`", locks.results[0]!],
  ["### `trylock[]` of `locks`", locks.trylock[0]!],
  ["### `lockStat[]`", doc.lockStat[0]!],
  ["## `racier scale --json`", scale],
  ["### `results[]` of `scale`", scale.results[1]!],
  ["### `comparisons[]` of `scale`", scale.comparisons[0]!],
  ["### `lockStat[]` of `scale`", scale.lockStat[0]!],
  ["## `racier notifiers --json`", notifiers],
  ["### `registration[]` of `notifiers`", notifiers.registration[0]!],
  ["### `invalidation[]` of `notifiers`", notifiers.invalidation[0]!],
  ["### `access[]` of `notifiers`", notifiers.access[0]!],
  ["### `guest[]` of `notifiers`", notifiers.guest[0]!],
  ["### `brk[]` of `notifiers`", notifiers.brk[0]!],
  ["### `lockStat[].classes[]`", doc.lockStat[0]!.classes[0]!],
];

test.each(objects)(
  "docs/json.md, %s: names each field of the document, in its order",
  (heading, value) => {
    expect([...documentedFields(heading).keys()]).toEqual(Object.keys(value));
  },
);

test.each(objects)("docs/json.md, %s: gives every number a unit", (heading, value) => {
  const units = documentedFields(heading);

  const numbers = Object.entries(value).filter(([, field]) => typeof field === "number");
  expect(numbers.filter(([name]) => !units.get(name))).toEqual([]);
});
