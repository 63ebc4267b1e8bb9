// Tables for the terminal: aligned, and free of escape codes wherever they are not read on a terminal.

import { describe, expect, test } from "vitest";
import { alignedTable, PLAIN, tableWidth, textStyle } from "../../src/report/table.ts";

const TERMINAL = { bold: true, ruled: true, width: 80 };

describe("alignedTable", () => {
  test("aligns numbers right and text left, and ends no line with a space", () => {
    const text = alignedTable(
      ["kernel", "pages", { header: "change", align: "right" }],
      [
        ["2.6.8", 812, "0.0 %"],
        ["2.6.9-long", 1234567, "-9.8 %"],
      ],
      PLAIN,
    );

    expect(text).toBe(
      [
        "kernel          pages  change",
        "2.6.8             812   0.0 %",
        "2.6.9-long  1,234,567  -9.8 %",
        "",
      ].join("\n"),
    );
  });

  test("of no rows is its header", () => {
    expect(alignedTable(["kernel", "pages"], [], PLAIN)).toBe("kernel  pages\n");
  });

  test("takes a missing cell as empty", () => {
    expect(alignedTable(["a", "b"], [["x"]], PLAIN)).toBe("a  b\nx\n");
  });

  test("rules the header on a terminal, and makes it bold without moving a column", () => {
    const rows = [["2.6.8", 1]] as const;
    const [header, rule, row] = alignedTable(["kernel", "pages"], rows, TERMINAL).split("\n");

    expect(header).toBe("\u001b[1mkernel\u001b[22m  \u001b[1mpages\u001b[22m");
    expect(rule).toBe("─".repeat(13));
    expect(row).toBe("2.6.8       1");
  });

  test("keeps a cell with control characters in its row and its column", () => {
    const text = alignedTable(["name", "n"], [["a\n\u001b[2Jb", 1]], PLAIN);

    expect(text).toBe("name     n\na??[2Jb  1\n");
  });
});

test("tableWidth is the length of the longest line", () => {
  expect(tableWidth("ab\nabcd\n")).toBe(4);
});

describe("textStyle", () => {
  test("is plain for a pipe or file, whatever the environment says", () => {
    expect(textStyle({}, { TERM: "xterm" })).toEqual(PLAIN);
    expect(textStyle({ isTTY: false, columns: 80 }, {})).toEqual(PLAIN);
  });

  test("is bold on a terminal unless NO_COLOR or TERM=dumb asks otherwise", () => {
    const terminal = { isTTY: true, columns: 100 };

    expect(textStyle(terminal, {})).toEqual({ bold: true, ruled: true, width: 100 });
    expect(textStyle(terminal, { NO_COLOR: "" }).bold).toBe(true);
    expect(textStyle(terminal, { NO_COLOR: "1" }).bold).toBe(false);
    expect(textStyle(terminal, { TERM: "dumb" }).bold).toBe(false);
  });

  test("does not fold lines on a terminal that does not tell its width", () => {
    expect(textStyle({ isTTY: true, columns: 0 }, {}).width).toBe(Infinity);
  });
});
