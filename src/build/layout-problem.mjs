// The host has one set of offsets for all kernels (src/layout/structs.gen.ts): a kernel that is compiled on the fly
// must have them too.

/**
 * What the host would read wrongly in a kernel of this layout, in one sentence; null: nothing.
 *
 * @param {import("../layout/transform.mjs").Layout} layout
 * @param {Record<string, unknown>} host what structs.gen.ts exports
 */
export function layoutProblem({ structs, constants }, host) {
  for (const { name, size, fields } of structs) {
    const laidOut = Object.fromEntries([["SIZE", size], ...fields.map((f) => [f.name, f.offset])]);
    const expected = host[name] ?? {};
    const names = new Set([...Object.keys(expected), ...Object.keys(laidOut)]);
    const other = [...names].find((field) => expected[field] !== laidOut[field]);
    if (other !== undefined) {
      return `it has ${name}.${other} at ${laidOut[other]}, and the host expects it at ${expected[other]}`;
    }
  }
  const other = constants.find(
    ({ name, value }) => name in host && String(host[name]) !== String(value),
  );
  return other === undefined
    ? null
    : `its ${other.name} is ${other.value}, and the host expects ${host[other.name]}`;
}
