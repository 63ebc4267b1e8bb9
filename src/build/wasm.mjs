// Reads just enough of a wasm binary to refuse a kernel that several CPUs cannot share.
//
// A data segment is written again by every instance, over what other CPUs have stored since. A mutable
// global belongs to one instance, so that every CPU would silently have its own. Neither may exist.

const GLOBAL_SECTION = 6;
const DATA_SECTION = 11;
const END = 0x0b;

/** What is wrong with the module, one sentence for each thing; empty when nothing is. */
export function problemsOf(bytes) {
  const problems = [];
  for (const section of sectionsOf(bytes)) {
    if (section.id === DATA_SECTION) problems.push(...dataProblems(section.body));
    if (section.id === GLOBAL_SECTION) problems.push(...globalProblems(section.body));
  }
  return problems;
}

function dataProblems(body) {
  const count = new Reader(body).u32();
  if (count === 0) return [];
  const text = Buffer.from(body)
    .toString("latin1")
    .replaceAll("\0", "")
    .replace(/[^ -~]+/g, " ");
  return [
    `${count} data segment(s), which every CPU would write again when it starts. Static strings and ` +
      `arrays make them. What they hold: "${text.trim().slice(0, 200)}"`,
  ];
}

function globalProblems(body) {
  const reader = new Reader(body);
  let mutable = 0;
  for (let left = reader.u32(); left > 0; left--) {
    reader.skip(1);
    mutable += reader.byte();
    reader.constantExpression();
  }
  if (mutable === 0) return [];
  return [
    `${mutable} mutable global(s), of which every CPU would have its own. A module-level "let" makes ` +
      `one, and so does a "const" that is computed at run time, or "new".`,
  ];
}

function* sectionsOf(bytes) {
  const reader = new Reader(bytes);
  reader.skip(8);
  while (!reader.done) {
    const id = reader.byte();
    yield { id, body: reader.bytes(reader.u32()) };
  }
}

class Reader {
  #bytes;
  #at = 0;

  constructor(bytes) {
    this.#bytes = bytes;
  }

  get done() {
    return this.#at >= this.#bytes.length;
  }

  byte() {
    return this.#bytes[this.#at++];
  }

  skip(count) {
    this.#at += count;
  }

  bytes(count) {
    this.#at += count;
    return this.#bytes.subarray(this.#at - count, this.#at);
  }

  /** LEB128; the sign does not matter to what is read here. */
  u32() {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.byte();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  }

  /** Skips an initialiser: one constant or global.get, then end. */
  constantExpression() {
    const opcode = this.byte();
    if (opcode === 0x43) this.skip(4);
    else if (opcode === 0x44) this.skip(8);
    else this.u32();
    if (this.byte() !== END) throw new Error("a global whose initialiser is not one constant");
  }
}
