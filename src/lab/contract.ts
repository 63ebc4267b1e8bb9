// What a lock file must export, and may: looked up in what asc has understood of it, before anything is
// compiled, so that a mistake is told in one sentence. docs/writing-a-lock.md is this table for people.

import { ConfigError } from "../kernel/error.ts";

/** How readers get on with writers. */
export type Reading = "none" | "shared" | "retry" | "version";

interface Shape {
  readonly parameters: readonly string[];
  readonly result: string;
}

const shape = (result: string, ...parameters: string[]): Shape => ({ parameters, result });
const ON_LOCK = shape("void", "usize", "usize");
const TRIES = shape("bool", "usize", "usize");

const FUNCTIONS: Readonly<Record<string, Shape>> = {
  init: shape("void", "usize", "u32"),
  acquire: ON_LOCK,
  release: ON_LOCK,
  try_acquire: TRIES,
  acquire_shared: ON_LOCK,
  release_shared: ON_LOCK,
  try_acquire_shared: TRIES,
  read_begin: shape("u32", "usize"),
  read_retry: shape("bool", "usize", "u32"),
  read_version: shape("u32", "usize"),
  write_version: shape("u32", "usize"),
};
const CONSTANTS = ["LOCK_BYTES", "NODE_BYTES"];
const REQUIRED = [...CONSTANTS, "acquire", "release"];
/** Functions that are there together or not at all. */
const PAIRS = [
  ["acquire_shared", "release_shared"],
  ["read_begin", "read_retry"],
  ["read_version", "write_version"],
] as const;

/** Types that are one on this machine. */
const ALIASES: Readonly<Record<string, string>> = {
  usize: "word",
  isize: "word",
  u32: "word",
  i32: "word",
  bool: "bool",
  void: "void",
};

/** What asc knows of a function or a constant: as much of it as is asked here. */
interface AscElement {
  readonly functionTypeNode?: {
    readonly parameters: readonly { readonly type: AscType }[];
    readonly returnType: AscType;
  };
}
interface AscType {
  readonly name?: { readonly identifier: { readonly text: string } };
}
/** What asc knows of a file. */
export interface AscFile {
  lookupExport(name: string): AscElement | null;
}

/**
 * Looks whether a file keeps the contract.
 * @returns which functions of the contract it has
 * @throws ConfigError when it does not
 */
export function checkContract(file: AscFile, name: string): ReadonlySet<string> {
  for (const required of REQUIRED) {
    if (file.lookupExport(required) !== null) continue;
    const signature =
      required in FUNCTIONS ? `function ${signatureOf(required)}` : `const ${required}: i32`;
    throw new ConfigError(`${name} exports no ${required}: a lock needs "export ${signature}"`);
  }
  const has = new Set<string>();
  for (const [wanted, shape] of Object.entries(FUNCTIONS)) {
    const element = file.lookupExport(wanted);
    if (element === null) continue;
    if (!fits(element, shape)) {
      throw new ConfigError(
        `${name}: ${wanted} has another signature than "export function ${signatureOf(wanted)}"`,
      );
    }
    has.add(wanted);
  }
  for (const [one, other] of PAIRS) {
    if (has.has(one) === has.has(other)) continue;
    const [there, missing] = has.has(one) ? [one, other] : [other, one];
    throw new ConfigError(`${name} exports ${there} and no ${missing}: they belong together`);
  }
  if (has.has("read_version") && !has.has("acquire_shared")) {
    throw new ConfigError(
      `${name} exports read_version and no acquire_shared: they belong together`,
    );
  }
  return has;
}

/** How readers use a lock with these functions. */
export function readingOf(has: ReadonlySet<string>): Reading {
  if (has.has("read_version")) return "version";
  if (has.has("read_begin")) return "retry";
  return has.has("acquire_shared") ? "shared" : "none";
}

function fits(element: AscElement, shape: Shape): boolean {
  const type = element.functionTypeNode;
  if (type === undefined) return false;
  const words = (node: AscType): string => {
    const text = node.name?.identifier.text ?? "";
    return ALIASES[text] ?? text;
  };
  return (
    words(type.returnType) === ALIASES[shape.result] &&
    type.parameters.length === shape.parameters.length &&
    type.parameters.every(({ type }, i) => words(type) === ALIASES[shape.parameters[i] ?? ""])
  );
}

const NAMES: Readonly<Record<string, readonly string[]>> = {
  init: ["lock", "cpus"],
  read_retry: ["lock", "begun"],
};

/** A function of the contract as it is written down. */
function signatureOf(name: string): string {
  const { parameters, result } = FUNCTIONS[name] as Shape;
  const names = NAMES[name] ?? ["lock", "node"];
  const list = parameters.map((type, i) => `${names[i]}: ${type}`).join(", ");
  return `${name}(${list}): ${result}`;
}
