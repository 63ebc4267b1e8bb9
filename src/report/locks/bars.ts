// Curves for a terminal: one bar for each lock and step of what was varied, as long as its throughput.

import type { LocksDocument } from "../../experiment/locks/document.ts";
import { decimalsFor, formatNumber, printable } from "../format.ts";
import { OVERSUBSCRIBED_MARK } from "../rows.ts";
import {
  AXIS_NAMES,
  axisLabel,
  curveGroups,
  mainAxis,
  type Axis,
  type CurveGroup,
} from "./curves.ts";

const BAR = 40;
const EIGHTHS = " ▏▎▍▌▋▊▉";

/** The curves, one text for each chart; none where all is under one load. */
export function barCurves(doc: LocksDocument): string[] {
  const axis = mainAxis(doc);
  if (doc.input[axis].length < 2) return [];
  return curveGroups(doc, axis).map((group) => {
    const what = [`millions of acquisitions a second by ${AXIS_NAMES[axis]}`, group.title];
    const mark = group.oversubscribed ? ` ${OVERSUBSCRIBED_MARK}` : "";
    return `${printable(what.filter((part) => part !== "").join(", "))}${mark}\n${bars(axis, group)}`;
  });
}

function bars(axis: Axis, { curves }: CurveGroup): string {
  const results = curves.flatMap((curve) => curve.results);
  const most = Math.max(...results.map(({ perSecond }) => perSecond));
  const places = decimalsFor(Math.min(...results.map(({ perSecond }) => perSecond / 1e6)));
  const nameWidth = Math.max(...curves.map(({ name }) => name.length));
  const labelWidth = Math.max(...results.map((result) => axisLabel(axis, result).length));
  const line = (name: string, label: string, perSecond: number): string => {
    const number = formatNumber(perSecond / 1e6, places);
    const head = `${printable(name).padEnd(nameWidth)}  ${label.padStart(labelWidth)}`;
    return `${head}  ${barOf(perSecond / most)} ${number}\n`;
  };
  return curves
    .flatMap(({ name, results: points }) =>
      points.map((point, i) => line(i === 0 ? name : "", axisLabel(axis, point), point.perSecond)),
    )
    .join("");
}

/** A part of a whole as a bar, to an eighth of a character. */
function barOf(part: number): string {
  const eighths = Math.round(part * BAR * 8);
  const rest = eighths % 8;
  return `${"█".repeat(Math.floor(eighths / 8))}${rest === 0 ? "" : EIGHTHS[rest]}`;
}
