// A data race as a failure that an exploration reports.

import type { Detector } from "../exploration.ts";
import type { Names } from "../names.ts";
import type { Runtime } from "../runtime.ts";
import { DataRaceDetector, type IsIntended } from "./data-race.ts";

/** Looks for data races in the executions over a runtime; names things as `names` has them. */
export function dataRaces(
  runtime: Runtime,
  cpus: number,
  names: Names,
  isIntended?: IsIntended,
): Detector {
  // What the explorer writes down lies behind the memory that can be accessed.
  const races = new DataRaceDetector(runtime.events * 4, cpus, isIntended);
  return (log) => {
    const race = races.find(log);
    if (race === undefined) return undefined;
    const who = [race.first, race.second].map((event) => {
      return `${names.functionOf(log.site(event))} on CPU ${log.cpu(event)}`;
    });
    const message = `${names.objectAt(race.address)}: ${who.join(" and ")}, nothing orders them`;
    return { detector: "data-race", rule: "data race", message, cpu: log.cpu(race.second) };
  };
}
