// Makes the explorable twin of a compiled binary: a call before every access to memory, which decides
// whether the CPU goes on, and Asyncify, which lets it come back. The source knows nothing of it.
//
//   local.set $x (load addr)   ->   if (call $point meta addr)  local.set $x (replaced value)
//                                   else                        local.set $x (load addr)
//
// The call may also replace the access; its value is then in the global `explore.value`. A wait
// (memory.atomic.wait32, and the kernel's cpu_wait_while) becomes one call, which does not return
// before the word has changed.
//
// Variables of a module are per instance in wasm. In a program of a user they lie in memory instead, so
// that they are seen. What the kernel's allocators say about memory (shadow_mark) becomes a call to the
// explorer's shadow, and no step. Functions of the library's allocator, the kernel's look for poison and
// its lockdep are not announced, they only leave a record of what they overwrite: an allocation is one
// step. Left out: SIMD and memory.init, which no kernel uses: refused.

import binaryen from "binaryen";

import { Id, idOf, isAtomicAccess, view, type Expression } from "./expressions.ts";
import { Kind } from "./runtime.ts";

const WAIT_LOOP = /(?:^|\/)arch\/wait\/cpu_wait_while<(\w+)>$/;
const RELAX = /(?:^|\/)arch\/wait\/cpu_relax$/;
const DELAY = /(?:^|\/)arch\/wait\/cpu_delay$/;
const SERVE_IPIS = /(?:^|\/)arch\/ipi\/serve_ipis$/;
const SHADOW_MARK = /(?:^|\/)check\/shadow\/shadow_mark$/;
const QUIET =
  /^~lib\/(rt|memory|util\/memory)|(?:^|\/)(arch\/memory\/memscan$|lock\/(lockdep|lock_class)\/)/;
const BYTE_WRITE_ONCE = /(?:^|\/)user_store(?:8|<u8>)$/;
/** Calls in which a CPU may be suspended: the explorer, and host code that the kernel calls. */
const SUSPENDING = "explore.point,explore.bulk,explore.wait,notifier.*";
const FORBIDDEN = ["MemoryInit", "DataDrop", "SIMDLoad", "SIMDLoadStoreLane"];

type Type = number;

/** An access in the code. */
export interface Site {
  /** Function that it stands in, as the compiler calls it. */
  readonly function: string;
  /** See Kind. */
  readonly kind: number;
  /** Bytes. */
  readonly size: number;
}

/** A variable of a module that was moved to memory. */
export interface Variable {
  readonly name: string;
  readonly address: number;
  readonly bytes: number;
  /** What it holds at the start, as bits. */
  readonly initial: bigint;
}

/** An instrumented binary. */
export interface Instrumented {
  readonly wasm: Uint8Array;
  /** Accesses by their number. */
  readonly sites: readonly Site[];
  readonly variables: readonly Variable[];
}

/** How to instrument. */
export interface InstrumentOptions {
  /** Where variables of modules go; they stay globals if it is not given. */
  readonly variablesAt?: number;
}

/** Instruments a binary. Sites are numbered in the order of functions and of the accesses in each. */
export function instrument(wasm: Uint8Array, options: InstrumentOptions = {}): Instrumented {
  const module = binaryen.readBinary(wasm);
  try {
    // eslint-disable-next-line @typescript-eslint/no-unsafe-enum-assignment -- bits of an enum
    module.setFeatures(allFeatures());
    const instrumenter = new Instrumenter(module, options.variablesAt);
    instrumenter.run();
    const { sites, variables } = instrumenter;
    return { wasm: asyncify(module), sites, variables: [...variables.values()] };
  } finally {
    module.dispose();
  }
}

/** What binaries of asc use, and what Asyncify needs. */
function allFeatures(): number {
  const { MVP, Atomics, BulkMemory, BulkMemoryOpt, MutableGlobals } = binaryen.Features;
  const { SignExt, NontrappingFPToInt, Multivalue } = binaryen.Features;
  const memory = MVP | Atomics | BulkMemory | BulkMemoryOpt;
  return memory | MutableGlobals | SignExt | NontrappingFPToInt | Multivalue;
}

function asyncify(module: binaryen.Module): Uint8Array {
  binaryen.setPassArgument("asyncify-imports", SUSPENDING);
  binaryen.setPassArgument("asyncify-import-globals", "1");
  binaryen.setPassArgument("asyncify-ignore-indirect", "1");
  binaryen.setOptimizeLevel(2);
  binaryen.setShrinkLevel(0);
  binaryen.setDebugInfo(true);
  module.runPasses(["asyncify"]);
  module.optimize();
  if (!module.validate()) throw new Error("the instrumented binary is not valid");
  return module.emitBinary();
}

class Instrumenter {
  readonly sites: Site[] = [];
  readonly variables = new Map<string, Variable>();
  readonly #module: binaryen.Module;
  #nextVariable: number | undefined;
  #function = "";
  #isQuiet = false;

  constructor(module: binaryen.Module, variablesAt: number | undefined) {
    this.#module = module;
    this.#nextVariable = variablesAt;
  }

  run(): void {
    const m = this.#module;
    const { i32, i64, none, createType } = binaryen;
    m.addFunctionImport("explore_point", "explore", "point", createType([i32, i32]), i32);
    m.addFunctionImport("explore_bulk", "explore", "bulk", createType([i32, i32, i32, i32]), i32);
    m.addFunctionImport("explore_wait", "explore", "wait", createType([i32, i32, i32, i32]), i32);
    m.addFunctionImport("explore_quiet", "explore", "quiet", createType([i32, i32]), none);
    m.addFunctionImport("explore_mark", "explore", "mark", createType([i32, i32, i32]), none);
    m.addGlobalImport("explore_value", "explore", "value", i64, true);
    // Every operand becomes a local or a constant, so that each access stands alone in its block.
    binaryen.setOptimizeLevel(0);
    m.runPasses(["flatten"]);
    if (this.#nextVariable !== undefined) this.#placeVariables();
    for (const f of this.#functions()) this.#instrumentFunction(f);
  }

  #functions(): number[] {
    const m = this.#module;
    return Array.from({ length: m.getNumFunctions() }, (_, i) => m.getFunctionByIndex(i));
  }

  #placeVariables(): void {
    const m = this.#module;
    for (let i = 0; i < m.getNumGlobals(); i++) {
      const { name, module, type, mutable, init } = binaryen.getGlobalInfo(m.getGlobalByIndex(i));
      if (!mutable || (module !== null && module !== "")) continue;
      const bytes = type === binaryen.i64 || type === binaryen.f64 ? 8 : 4;
      const address = this.#nextVariable as number;
      this.variables.set(name, { name, address, bytes, initial: bitsOf(init, type) });
      // Each has a granule of its own.
      this.#nextVariable = address + 8;
    }
  }

  #instrumentFunction(f: number): void {
    const info = binaryen.getFunctionInfo(f);
    if (info.body === 0) return;
    this.#function = info.name;
    this.#isQuiet = QUIET.test(info.name);
    const body = this.#replacement(info.name) ?? this.#rewrite(info.body);
    if (body !== info.body) new view.Function(f).body = body;
  }

  /** What stands in place of a function that the explorer knows by its name. */
  #replacement(name: string): Expression | undefined {
    const loop = WAIT_LOOP.exec(name);
    if (loop !== null) return this.#waitLoop(loop[1] as string);
    const m = this.#module;
    // A turn of a spin is like the one before, and time does not pass.
    if (RELAX.test(name)) return this.#served([m.i32.const(0)], binaryen.i32);
    if (DELAY.test(name)) return this.#served([]);
    if (!SHADOW_MARK.test(name)) return undefined;
    const operands = [0, 1, 2].map((i) => m.local.get(i, binaryen.i32));
    return m.call("explore_mark", operands, binaryen.none);
  }

  /** cpu_wait_while(addr, seen): not runnable while the word is `seen` and nobody interrupts. */
  #waitLoop(type: string): Expression {
    const m = this.#module;
    const size = type.endsWith("size") ? 4 : Number(type.slice(1)) / 8;
    const [address = 0, seen = 0] = [0, 1].map((i) => m.local.get(i, binaryen.i32));
    const operands = [this.#site(Kind.wait, size), address, seen, m.i32.const(1)];
    const wait = m.call("explore_wait", operands, binaryen.i32);
    return this.#served([], binaryen.none, [m.drop(wait)]);
  }

  /** Serves interrupts, where there are any, between `before` and `after`. */
  #served(after: Expression[], type: Type = binaryen.none, before: Expression[] = []): Expression {
    const m = this.#module;
    const names = this.#functions().map((f) => binaryen.getFunctionInfo(f).name);
    const serve = names.filter((name) => SERVE_IPIS.test(name)).slice(0, 1);
    const calls = serve.map((name) => m.call(name, [], binaryen.none));
    return m.block(null, [...before, ...calls, ...after], type);
  }

  /** Rewrites a statement in place where that is possible; returns what stands there now. */
  #rewrite(e: Expression): Expression {
    const id = idOf(e);
    if (id === Id.BlockId) {
      const block = new view.Block(e);
      for (let i = 0; i < block.numChildren; i++) {
        const child = block.getChildAt(i);
        const rewritten = this.#rewrite(child);
        if (rewritten !== child) block.setChildAt(i, rewritten);
      }
      return e;
    }
    if (id === Id.LoopId) {
      const loop = new view.Loop(e);
      loop.body = this.#rewrite(loop.body);
      return e;
    }
    if (id === Id.IfId) {
      const branch = new view.If(e);
      branch.ifTrue = this.#rewrite(branch.ifTrue);
      if (branch.ifFalse !== 0) branch.ifFalse = this.#rewrite(branch.ifFalse);
      return e;
    }
    return this.#statement(e, id);
  }

  /** A statement without statements in it: at most one access. */
  #statement(e: Expression, id: number): Expression {
    if (id === Id.LocalSetId) {
      const { index, value } = new view.LocalSet(e);
      const type = binaryen.getExpressionType(value);
      return this.#access(e, value, { type, set: (given) => this.#module.local.set(index, given) });
    }
    if (id === Id.DropId) return this.#access(e, new view.Drop(e).value);
    return this.#access(e, e);
  }

  /** `statement` with the access of `e` announced, or as it is. */
  #access(statement: Expression, e: Expression, target?: Target): Expression {
    const id = idOf(e);
    if (id === Id.LoadId) {
      const { ptr, offset, bytes } = new view.Load(e);
      const kind = isAtomicAccess(e) ? Kind.atomicLoad : Kind.load;
      return this.#point(statement, kind, bytes, this.#address(ptr, offset), target);
    }
    if (id === Id.StoreId) {
      const { ptr, offset, bytes } = new view.Store(e);
      const kind = kindOfStore(e, this.#function);
      return this.#point(statement, kind, bytes, this.#address(ptr, offset));
    }
    if (id === Id.AtomicRMWId) {
      const { ptr, offset, bytes } = new view.AtomicRMW(e);
      return this.#point(statement, Kind.rmw, bytes, this.#address(ptr, offset), target);
    }
    if (id === Id.AtomicCmpxchgId) {
      const { ptr, offset, bytes } = new view.AtomicCmpxchg(e);
      return this.#point(statement, Kind.cmpxchg, bytes, this.#address(ptr, offset), target);
    }
    return this.#rareAccess(statement, e, target);
  }

  #rareAccess(statement: Expression, e: Expression, target?: Target): Expression {
    const m = this.#module;
    const id = idOf(e);
    switch (id) {
      case Id.AtomicWaitId:
        return this.#wait(e, target);
      case Id.MemoryFillId: {
        const { dest, size } = new view.MemoryFill(e);
        return this.#bulk(statement, dest, m.i32.const(0), size);
      }
      case Id.MemoryCopyId: {
        const { dest, source, size } = new view.MemoryCopy(e);
        return this.#bulk(statement, dest, source, size);
      }
      case Id.GlobalGetId:
        return target === undefined ? statement : this.#readVariable(statement, e, target);
      case Id.GlobalSetId:
        return this.#writeVariable(statement, e);
      default: {
        const ids = Id as unknown as Readonly<Record<string, number>>;
        if (!FORBIDDEN.some((name) => ids[`${name}Id`] === id)) return statement;
        throw new Error(`${this.#function} uses an instruction that the explorer does not know`);
      }
    }
  }

  #wait(e: Expression, target?: Target): Expression {
    const m = this.#module;
    const { ptr, offset, expected } = new view.AtomicWait(e);
    const word = [this.#address(ptr, offset), m.copyExpression(expected), m.i32.const(0)];
    const wait = m.call("explore_wait", [this.#site(Kind.wait, 4), ...word], binaryen.i32);
    return target === undefined ? m.drop(wait) : target.set(wait);
  }

  #readVariable(statement: Expression, e: Expression, target: Target): Expression {
    const variable = this.variables.get(new view.GlobalGet(e).name);
    if (variable === undefined) return statement;
    const m = this.#module;
    const at = m.i32.const(variable.address);
    const load = target.set(memoryOf(m, target.type).load(0, variable.bytes, at));
    const address = m.i32.const(variable.address);
    return this.#point(load, Kind.load, variable.bytes, address, target);
  }

  #writeVariable(statement: Expression, e: Expression): Expression {
    const { name, value } = new view.GlobalSet(e);
    const variable = this.variables.get(name);
    if (variable === undefined) return statement;
    const m = this.#module;
    const type = binaryen.getExpressionType(value);
    const at = m.i32.const(variable.address);
    const store = memoryOf(m, type).store(0, variable.bytes, at, m.copyExpression(value));
    return this.#point(store, Kind.store, variable.bytes, m.i32.const(variable.address));
  }

  #point(
    statement: Expression,
    kind: number,
    bytes: number,
    address: Expression,
    target?: Target,
  ): Expression {
    const m = this.#module;
    if (this.#isQuiet) {
      const note = m.call("explore_quiet", [address, m.i32.const(bytes)], binaryen.none);
      return kind === Kind.load || kind === Kind.atomicLoad
        ? statement
        : m.block(null, [note, statement]);
    }
    const call = m.call("explore_point", [this.#site(kind, bytes), address], binaryen.i32);
    if (target === undefined) return m.if(m.i32.eqz(call), statement);
    return m.if(call, target.set(this.#replacedValue(target.type)), statement);
  }

  #bulk(statement: Expression, dest: number, source: number, size: number): Expression {
    const m = this.#module;
    const [to = 0, from = 0, bytes = 0] = [dest, source, size].map((e) => m.copyExpression(e));
    if (this.#isQuiet) {
      return m.block(null, [m.call("explore_quiet", [to, bytes], binaryen.none), statement]);
    }
    const operands = [this.#site(Kind.bulkWrite, 1), to, from, bytes];
    return m.if(m.i32.eqz(m.call("explore_bulk", operands, binaryen.i32)), statement);
  }

  /** What the explorer gives in place of what memory holds. */
  #replacedValue(type: Type): Expression {
    const m = this.#module;
    const value = m.global.get("explore_value", binaryen.i64);
    if (type === binaryen.i64) return value;
    if (type === binaryen.f64) return m.f64.reinterpret(value);
    const low = m.i32.wrap(value);
    return type === binaryen.f32 ? m.f32.reinterpret(low) : low;
  }

  #address(ptr: Expression, offset: number): Expression {
    const m = this.#module;
    const copy = m.copyExpression(ptr);
    return offset === 0 ? copy : m.i32.add(copy, m.i32.const(offset));
  }

  /** The constant that names an access: kind, size, number of the site. */
  #site(kind: number, size: number): Expression {
    const number = this.sites.push({ function: this.#function, kind, size }) - 1;
    return this.#module.i32.const(kind | (Math.log2(size) << 4) | (number << 8));
  }
}

/** A plain store that claims no alignment is a write_once; a byte has none to claim. */
function kindOfStore(e: Expression, inFunction: string): number {
  if (isAtomicAccess(e)) return Kind.atomicStore;
  const { align, bytes } = new view.Store(e);
  const isByte = bytes === 1 && BYTE_WRITE_ONCE.test(inFunction);
  return align < bytes || isByte ? Kind.writeOnce : Kind.store;
}

/** A local that takes the value of an access. */
interface Target {
  readonly type: Type;
  set(value: Expression): Expression;
}

interface MemoryOperations {
  load(offset: number, align: number, ptr: Expression): Expression;
  store(offset: number, align: number, ptr: Expression, value: Expression): Expression;
}

function memoryOf(m: binaryen.Module, type: Type): MemoryOperations {
  if (type === binaryen.i64) return m.i64;
  if (type === binaryen.f64) return m.f64;
  return type === binaryen.f32 ? m.f32 : m.i32;
}

type ConstantValue = number | bigint | { readonly low: number; readonly high: number };

/** The bits of a constant that a variable starts with; 0 for anything else. */
function bitsOf(init: Expression, type: Type): bigint {
  if (init === 0 || idOf(init) !== Id.ConstId) return 0n;
  const { value } = binaryen.getExpressionInfo(init) as unknown as { value: ConstantValue };
  if (type === binaryen.f64) {
    return new BigUint64Array(new Float64Array([Number(value)]).buffer)[0] ?? 0n;
  }
  if (type === binaryen.f32) {
    return BigInt(new Uint32Array(new Float32Array([Number(value)]).buffer)[0] ?? 0);
  }
  if (typeof value !== "object") return BigInt.asUintN(64, BigInt(value));
  return (BigInt(value.high >>> 0) << 32n) | BigInt(value.low >>> 0);
}
