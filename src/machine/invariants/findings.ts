// What a check of the machine's memory finds: one violation for each object that breaks a rule.

/** A rule that does not hold, and where. */
export interface Violation {
  /** Name of the rule, as in the table of docs/stress.md. */
  readonly rule: string;
  /** The object concerned: "page 0x1a2", "mm 12", "CPU 1". */
  readonly object: string;
  readonly expected: string;
  readonly found: string;
  /** All of it as one sentence. */
  readonly text: string;
}

/** Violations of one rule that are kept: the first ones tell the story. */
const KEPT_OF_A_RULE = 20;

/** Text of a number as the kernel's people write addresses. */
export const hex = (value: number): string =>
  `0x${(value >= 0 ? value : value >>> 0).toString(16)}`;

/** Collects violations. */
export class Findings {
  readonly #violations: Violation[] = [];
  readonly #counts = new Map<string, number>();

  /** Notes that `rule` does not hold for `object`. */
  add(rule: string, object: string, expected: number | string, found: number | string): void {
    const count = (this.#counts.get(rule) ?? 0) + 1;
    this.#counts.set(rule, count);
    if (count > KEPT_OF_A_RULE) return;
    const violation = { rule, object, expected: String(expected), found: String(found) };
    const text = `${rule}: ${object}: expected ${expected}, found ${found}`;
    this.#violations.push({ ...violation, text });
  }

  /** Notes a violation unless both are equal. */
  equal(rule: string, object: string, expected: number | string, found: number | string): void {
    if (expected !== found) this.add(rule, object, expected, found);
  }

  /** What was found, in order. */
  get violations(): readonly Violation[] {
    return this.#violations;
  }
}
