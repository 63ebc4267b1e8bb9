// What a detector throws that looks at a machine from outside its kernel.

import type { DetectorName } from "./catalogue.ts";

/** A rule that does not hold. */
export class BrokenRule extends Error {
  override readonly name = "BrokenRule";
  readonly detector: DetectorName;
  readonly rule: string;

  constructor(detector: DetectorName, rule: string, message: string) {
    super(message);
    this.detector = detector;
    this.rule = rule;
  }
}
