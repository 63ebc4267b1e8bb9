// The views of Binaryen's expressions that its own type declarations leave out.

import binaryen from "binaryen";

/** A reference to an expression of a module. */
export type Expression = number;

interface Access {
  readonly ptr: Expression;
  readonly offset: number;
  readonly bytes: number;
}

interface Views {
  readonly Function: new (f: number) => { body: Expression };
  readonly Block: new (e: Expression) => {
    readonly numChildren: number;
    getChildAt(index: number): Expression;
    setChildAt(index: number, child: Expression): void;
  };
  readonly Loop: new (e: Expression) => { body: Expression };
  readonly If: new (e: Expression) => { ifTrue: Expression; ifFalse: Expression };
  readonly LocalSet: new (e: Expression) => { readonly index: number; readonly value: Expression };
  readonly Drop: new (e: Expression) => { readonly value: Expression };
  readonly Load: new (e: Expression) => Access;
  readonly Store: new (e: Expression) => Access & { readonly align: number };
  readonly AtomicRMW: new (e: Expression) => Access;
  readonly AtomicCmpxchg: new (e: Expression) => Access;
  readonly AtomicWait: new (e: Expression) => {
    readonly ptr: Expression;
    readonly offset: number;
    readonly expected: Expression;
  };
  readonly MemoryFill: new (e: Expression) => {
    readonly dest: Expression;
    readonly size: Expression;
  };
  readonly MemoryCopy: new (e: Expression) => {
    readonly dest: Expression;
    readonly source: Expression;
    readonly size: Expression;
  };
  readonly GlobalGet: new (e: Expression) => { readonly name: string };
  readonly GlobalSet: new (e: Expression) => { readonly name: string; readonly value: Expression };
}

/** Makes views of expressions. */
export const view: Views = binaryen as unknown as Views;

/** What kinds of expressions are called by number. */
export const Id = binaryen as unknown as Readonly<
  Record<
    | "BlockId"
    | "LoopId"
    | "IfId"
    | "LocalSetId"
    | "DropId"
    | "LoadId"
    | "StoreId"
    | "AtomicRMWId"
    | "AtomicCmpxchgId"
    | "AtomicWaitId"
    | "MemoryFillId"
    | "MemoryCopyId"
    | "GlobalGetId"
    | "GlobalSetId"
    | "ConstId",
    number
  >
>;

/** The kind of an expression. */
export const idOf = (e: Expression): number => binaryen.getExpressionId(e);

/** True for an atomic load or store. (Of the views, `isAtomic` is a function, whatever its type says.) */
export const isAtomicAccess = (e: Expression): boolean =>
  (binaryen.getExpressionInfo(e) as unknown as { readonly isAtomic: boolean }).isAtomic;
