// The lineages of anonmm: who is in which, and how many need each member: I-ANONMM.

import {
  AnonMm,
  CACHE_ANONMM,
  CACHE_MM,
  MmStruct,
  PG_anon,
  Page,
} from "../../layout/structs.gen.ts";
import { hex } from "./findings.ts";
import { listNodes } from "./lists.ts";
import { flagsOf, pageOf, type World } from "./world.ts";

const RULE = "I-ANONMM";

/** The head of the lineage of an address space. */
export const lineageOf = (world: World, mm: number): number =>
  headOf(world, world.u32(mm + MmStruct.anonmm));

/** The head of a member, or 0. */
export const headOf = (world: World, anonMm: number): number =>
  world.exists(CACHE_ANONMM, anonMm) ? world.u32(anonMm + AnonMm.head) : 0;

/** Anonymous pages that are mapped, by the member that they count in. */
function pagesOf(world: World): Map<number, number> {
  const pages = new Map<number, number>();
  for (let pfn = 0; pfn < world.maxPfn; pfn++) {
    if ((world.mapped[pfn] ?? 0) === 0 || (flagsOf(world, pfn) & PG_anon) === 0) continue;
    const owner = world.u32(pageOf(pfn) + Page.mapping);
    pages.set(owner, (pages.get(owner) ?? 0) + 1);
  }
  return pages;
}

/** All that is known of a member agrees. */
function checkMember(world: World, anonMm: number, pages: number, members: number): void {
  const name = `anonmm ${hex(anonMm)}`;
  const mm = world.u32(anonMm + AnonMm.mm);
  const lives = mm !== 0;
  if (lives && !world.exists(CACHE_MM, mm)) {
    world.findings.add(RULE, `${name}, mm`, "an address space, or 0", hex(mm));
  } else if (lives) {
    world.findings.equal(
      RULE,
      `${name}, of its mm`,
      hex(anonMm),
      hex(world.u32(mm + MmStruct.anonmm)),
    );
  }
  const head = world.u32(anonMm + AnonMm.head);
  if (!world.exists(CACHE_ANONMM, head)) {
    world.findings.add(RULE, `${name}, head`, "an anonmm", hex(head));
  }
  const asHead = head === anonMm ? 1 + members : 0;
  const count = world.i32(anonMm + AnonMm.count);
  world.findings.equal(RULE, `${name}, count`, Number(lives) + pages + asHead, count);
}

/** Each lineage has its members on its list, and each member counts those who need it: I-ANONMM. */
export function checkLineages(world: World): void {
  const all = world.objects[CACHE_ANONMM] ?? new Set<number>();
  const pages = pagesOf(world);
  const members = new Map<number, number[]>();
  for (const anonMm of all) {
    const head = world.u32(anonMm + AnonMm.head);
    if (head !== anonMm) members.set(head, [...(members.get(head) ?? []), anonMm]);
  }
  for (const anonMm of all) {
    const own = members.get(anonMm) ?? [];
    checkMember(world, anonMm, pages.get(anonMm) ?? 0, own.length);
    if (world.u32(anonMm + AnonMm.head) !== anonMm) continue;
    const what = `members of the lineage of anonmm ${hex(anonMm)}`;
    const listed = listNodes(world, anonMm + AnonMm.list_next, RULE, what);
    const text = (list: readonly number[]): string =>
      [...list]
        .sort((a, b) => a - b)
        .map(hex)
        .join(", ") || "none";
    const found = listed.map((node) => node - AnonMm.list_next);
    world.findings.equal(RULE, what, text(own), text(found));
  }
}
