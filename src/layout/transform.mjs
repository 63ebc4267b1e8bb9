// The one source of struct layout: reads from the compiler what it computed for the kernel.
//
// A transform of asc. After compilation it collects every @unmanaged class of assembly/ with size,
// offsets, types, marks (@atomic, @guarded("lock")) and sentences, and the exported compile-time
// constants of the files that assembly/structs.ts lists. The marks are decorators that asc does not
// know and ignores. Uses compiler internals, so asc is pinned exactly, and test/layout.test.ts
// compares the result with offsetof(). Left out: generic classes, classes that are not
// exported, and classes without fields.

import { CommonFlags, DecoratorFlags, ElementKind, NodeKind } from "assemblyscript";
import binaryen from "assemblyscript/binaryen";

const KERNEL = "assembly/";
const STRUCTS = "assembly/structs";

/**
 * @typedef {{ name: string, argument: string | null }} Mark
 * @typedef {{ name: string, offset: number, size: number, type: string, doc: string, marks: Mark[] }} Field
 * @typedef {{ name: string, file: string, size: number, doc: string, fields: Field[] }} Struct
 * @typedef {{ name: string, file: string, type: string, value: number | string, doc: string }} Constant
 * @typedef {{ structs: Struct[], constants: Constant[] }} Layout  a constant above 2^53 is a string of digits
 */

/**
 * A transform for asc that hands the layout of the kernel that it compiled to `report`.
 *
 * @param {(layout: Layout) => void} report
 */
export function layoutTransform(report) {
  let program;
  return {
    afterInitialize(initialized) {
      program = initialized;
    },
    afterCompile(module) {
      report(layoutOf(program, module));
    },
  };
}

/** What every lock file says of itself to the lab; the kernel is not built with it (src/lab/contract.ts). */
const OF_THE_LAB = new Set(["LOCK_BYTES", "NODE_BYTES"]);

/** @returns {Layout} */
function layoutOf(program, module) {
  const structs = [];
  const constants = [];
  const listed = listedFiles(program);
  for (const [declaration, element] of program.elementsByDeclaration) {
    const file = declaration.range.source.normalizedPath;
    if (!file.startsWith(KERNEL)) continue;
    if (isStruct(element)) {
      structs.push(structOf(program, element, file));
    } else if (listed.has(file) && isExportedConst(element) && !OF_THE_LAB.has(element.name)) {
      const value = valueOf(element, module);
      if (value !== null) constants.push(constantOf(element, file, value));
    }
  }
  return {
    structs: structs.filter((struct) => struct.fields.length > 0).sort(byName),
    constants: constants.sort(byFileThenPlace).map(({ place, ...constant }) => constant),
  };
}

/** The files that assembly/structs.ts imports; none when the program has no such file. */
function listedFiles(program) {
  const source = program.sources.find((one) => one.internalPath === STRUCTS);
  const imports = [NodeKind.Import, NodeKind.Export];
  const statements = (source?.statements ?? []).filter((one) => imports.includes(one.kind));
  return new Set(statements.map((one) => `${one.internalPath}.ts`));
}

function isStruct(element) {
  return (
    element.kind === ElementKind.ClassPrototype &&
    element.hasDecorator(DecoratorFlags.Unmanaged) &&
    element.is(CommonFlags.Export) &&
    !element.is(CommonFlags.Generic)
  );
}

function isExportedConst(element) {
  const flags = CommonFlags.Export | CommonFlags.Const;
  return element.kind === ElementKind.Global && element.is(flags);
}

/** Resolves the class if nothing in the kernel did, so that host-only structs are laid out too. */
function structOf(program, prototype, file) {
  const instance = program.resolver.resolveClass(prototype, null);
  const fields = [...(instance.members?.values() ?? [])]
    .filter((member) => member.kind === ElementKind.PropertyPrototype && member.isField)
    .map((member) => fieldOf(member));
  return {
    name: prototype.name,
    file,
    size: instance.nextMemoryOffset,
    doc: docOf(prototype.declaration),
    fields: fields.sort((a, b) => a.offset - b.offset),
  };
}

function fieldOf(prototype) {
  const property = prototype.propertyInstance ?? prototype.instance;
  const declaration = prototype.fieldDeclaration;
  const pointee = property.type.classReference;
  return {
    name: prototype.name,
    offset: property.memoryOffset,
    size: property.type.byteSize,
    type: pointee ? `${pointee.name}*` : property.type.toString(),
    doc: docOf(declaration),
    marks: (declaration.decorators ?? []).filter(isMark).map(markOf),
  };
}

const isMark = (decorator) => ["atomic", "guarded"].includes(decorator.name.text);

function markOf(decorator) {
  return { name: decorator.name.text, argument: decorator.args?.[0]?.value ?? null };
}

function constantOf(element, file, value) {
  return {
    name: element.name,
    file,
    place: element.declaration.range.start,
    type: element.type.toString(),
    value,
    doc: docOf(element.declaration),
  };
}

/** What the compiler folded an exported `const` to; null when it is computed or imported at run time. */
function valueOf(element, module) {
  const global = module.getGlobal(element.internalName);
  if (!global) return null;
  const { init, mutable } = binaryen.getGlobalInfo(global);
  if (mutable || !init || binaryen.getExpressionId(init) !== binaryen.ConstId) return null;
  const { value } = binaryen.getExpressionInfo(init);
  if (!element.type.isIntegerValue) return value;
  return exactInteger(value, element.type);
}

/** wasm integers carry no sign; the AssemblyScript type says how to read the bits. */
function exactInteger(raw, type) {
  const bits =
    typeof raw === "object" ? (BigInt(raw.high) << 32n) | BigInt(raw.low >>> 0) : BigInt(raw);
  const value = type.isSignedIntegerValue
    ? BigInt.asIntN(type.size, bits)
    : BigInt.asUintN(type.size, bits);
  // A bit of a mask is exact as a number beyond 2^53 too; only a sum of them is not.
  const isBit = value > 0n && value <= 2n ** 63n && (value & (value - 1n)) === 0n;
  const isSafe = value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER;
  const isExact = isSafe || isBit;
  return isExact ? Number(value) : value.toString();
}

/** The first sentence of the comment that stands directly above a declaration, or nothing. */
function docOf(declaration) {
  const starts = (declaration.decorators ?? []).map((decorator) => decorator.range.start);
  const start = Math.min(declaration.range.start, ...starts);
  const above = declaration.range.source.text
    .slice(0, start)
    .replace(/(export|const|declare|\s)+$/, "");
  const comment = /\/\*\*((?:(?!\*\/)[^])*)\*\/$/.exec(above)?.[1] ?? "";
  return firstSentence(
    comment
      .replace(/^\s*\* ?/gm, "")
      .replace(/\s+/g, " ")
      .trim(),
  );
}

/** Up to the first full stop that ends a sentence: not the one in "2.6.8" or "e.g.". */
function firstSentence(text) {
  const end = /\.(?=\s+[A-Z0-9`~:])/.exec(text);
  return end ? text.slice(0, end.index + 1) : text;
}

const byName = (a, b) => (a.name < b.name ? -1 : 1);
const byFileThenPlace = (a, b) =>
  a.file === b.file ? a.place - b.place : a.file < b.file ? -1 : 1;
