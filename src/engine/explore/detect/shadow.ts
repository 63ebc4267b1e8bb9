// Accesses to memory that nobody has: free frames and objects, what lies between objects. The kernel's
// allocators say what is free (assembly/check/shadow.ts), the runtime keeps a shadow and stops the
// machine at the first access that is wrong (assembly/explorer/shadow.ts). Here is who may touch what,
// by the functions that accesses stand in, and what a report says.
//
// While values are recorded it is also written down who freed and allocated last, by the stack at
// that time. Left out: stacks of the search itself, which would cost more than all the rest.

import { KmemCache, MEM_MAP, PG_slab, Page, Slab } from "../../../layout/structs.gen.ts";
import { getU32, type MemoryViews } from "../../../layout/view.ts";
import { ConfigError } from "../../../kernel/error.ts";
import { cacheField, firstObject } from "../../../machine/invariants/walk-slabs.ts";
import type { Failure } from "../exploration.ts";
import type { MachineConfig } from "../../../machine/config.ts";
import { kernelNames, sitesOf } from "../kernel-names.ts";
import { isWrite, type Runtime } from "../runtime.ts";
import type { Off } from "./catalogue.ts";

/** Classes of code as assembly/explorer/shadow.ts has them, but for 0: the rest of the kernel. */
const CLASSES = [
  { number: 1, of: /(?:^|\/)mm\/slab(?:_check|_types)?\// },
  { number: 2, of: /(?:^|\/)(?:index\/user_|mm\/uaccess\/(?:user_|copy_chunk))/ },
];
const KERNEL_CLASS = 0;
const USER_CLASS = 2;

/** Functions that hand out and take back: a report names who called them. */
const ALLOCATORS = /(?:^|\/)(?:mm\/(?:slab(?:_check|_types)?|page_alloc)|check\/shadow)\//;
/** Functions of a report on one stack. */
const REPORTED_FUNCTIONS = 3;
const STACK_FRAMES = 40;

/** The class of the code that an access stands in, by its function. */
export function classOf(functionName: string): number {
  return CLASSES.find(({ of }) => of.test(functionName))?.number ?? KERNEL_CLASS;
}

/** Memory was handed out or came back. */
interface Mark {
  readonly address: number;
  readonly size: number;
  readonly verb: "allocated" | "freed";
  readonly cpu: number;
  readonly stack: string;
}

/** Who called an allocator, innermost first, from a stack of V8. */
export function callersOf(stack: string): string[] {
  const frames = [...stack.matchAll(/^ +at (?:async )?(\S+) \((.*)\)$/gm)];
  return (
    frames
      .filter(([, name = "", place = ""]) => {
        const isOwn =
          /(?:src|dist)[/\\](?:engine[/\\]explore|experiment|cli)[/\\]|node_modules|node:/.test(
            place,
          );
        return !isOwn && !ALLOCATORS.test(name);
      })
      // A program is called as an element of an array, which says nothing.
      .map(([, name = ""]) => name.slice(name.lastIndexOf("/") + 1).replace(/^Array\./, ""))
  );
}

/** See the head of the file. */
export class Shadow {
  readonly #runtime: Runtime;
  readonly #machine: MachineConfig;
  readonly #memory: MemoryViews;
  readonly #isRecording: boolean;
  readonly #marks: Mark[] = [];
  /** Marks of setup, which all executions begin with. */
  #marksOfSetup: number | undefined;

  /** To be made before the machine boots. */
  constructor(
    runtime: Runtime,
    memory: MemoryViews,
    machine: MachineConfig,
    options: { readonly off: Off; readonly record: boolean },
  ) {
    this.#runtime = runtime;
    this.#memory = memory;
    this.#machine = machine;
    this.#isRecording = options.record;
    const { calls } = runtime;
    const sites = sitesOf(this.#machine);
    if (sites.length > calls.max_sites()) throw new ConfigError("the kernel has too many accesses");
    const classes = Uint8Array.from(sites, (site) => classOf(site.function));
    new Uint8Array(runtime.memory.buffer).set(classes, calls.site_classes_address());
    const checksKernel = !(options.off.has("use-after-free") && options.off.has("out-of-bounds"));
    const checksUser = !options.off.has("stale-tlb");
    calls.configure_shadow((+checksKernel << KERNEL_CLASS) | (+checksUser << USER_CLASS));
  }

  /** The runtime as the kernel of a CPU is to import it. */
  runtimeOf(cpu: number): Runtime {
    if (!this.#isRecording) return this.#runtime;
    const { calls, imports } = this.#runtime;
    const mark = (address: number, size: number, addressable: number): void => {
      calls.mark(address, size, addressable);
      const verb = addressable === 0 ? "freed" : "allocated";
      this.#marks.push({ address: address >>> 0, size, verb, cpu, stack: stackHere() });
    };
    const explore = { ...imports["explore"], mark };
    return { ...this.#runtime, imports: { ...imports, explore } };
  }

  /** Before each execution. */
  begin(): void {
    this.#marksOfSetup ??= this.#marks.length;
    this.#marks.length = this.#marksOfSetup;
  }

  /** What a trap of `cpu` means, if it was at a forbidden access; the machine is as it was then. */
  failureOf(cpu: number): Failure | undefined {
    const { calls } = this.#runtime;
    if (calls.get_was_forbidden() === 0) return undefined;
    const address = calls.get_forbidden_address() >>> 0;
    const meta = calls.get_forbidden_meta() >>> 0;
    const names = kernelNames(this.#machine, this.#memory);
    const site = meta >>> 8;
    const kind = this.#kindOf(address, site);
    const did = isWrite(meta & 15) ? "written" : "read";
    const where = names.functionOf(site);
    const message = `${kind.of}${names.objectAt(address)} ${did} by CPU ${cpu} in ${where}${this.#historyOf(kind.owner)}`;
    return { detector: kind.detector, rule: kind.rule, message, cpu };
  }

  /** Which rule a forbidden access breaks; `owner`: an address that was allocated or freed with it. */
  #kindOf(address: number, site: number): Kind {
    const sites = sitesOf(this.#machine);
    const isUser = classOf(sites[site]?.function ?? "") === USER_CLASS;
    if (isUser) return { detector: "stale-tlb", rule: "stale TLB", of: "", owner: address };
    const freed = { detector: "use-after-free", rule: "use after free", of: "" } as const;
    const memory = this.#memory;
    const flags = getU32(memory, MEM_MAP + (address >>> 12) * Page.SIZE + Page.flags);
    if ((flags & PG_slab) === 0) return { ...freed, owner: address };

    const slab = address - (address % 4096);
    const id = getU32(memory, slab + Slab.cache_id);
    const first = firstObject(memory, slab, id);
    const size = cacheField(memory, id, KmemCache.object_size);
    const index = Math.floor((address - first) / size);
    const outside = { detector: "out-of-bounds", rule: "out of bounds" } as const;
    if (index < 0 || index >= cacheField(memory, id, KmemCache.num)) {
      return { ...outside, of: "outside of all objects, ", owner: slab };
    }
    const object = first + index * size;
    if (this.#runtime.calls.is_marked(object) !== 0) return { ...freed, owner: object };
    return { ...outside, of: "behind the end of ", owner: object };
  }

  #historyOf(owner: number): string {
    const last = this.#marks.findLast(
      ({ address, size }) => address <= owner && owner < address + size,
    );
    if (last === undefined) return "";
    const callers = callersOf(last.stack).slice(0, REPORTED_FUNCTIONS);
    const place = callers.length === 0 ? "" : ` in ${callers.join(" < ")}`;
    return `, ${last.verb} by CPU ${last.cpu}${place}`;
  }
}

/** What a forbidden access is called. */
interface Kind extends Pick<Failure, "detector" | "rule"> {
  /** What stands before the name of the object. */
  readonly of: string;
  /** See Shadow.#kindOf. */
  readonly owner: number;
}

function stackHere(): string {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = STACK_FRAMES;
  const stack = new Error().stack ?? "";
  Error.stackTraceLimit = limit;
  return stack;
}
