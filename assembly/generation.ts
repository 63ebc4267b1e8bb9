// Which generation of the reverse map is compiled, in short. Not in structs.ts: the host asks the machine.

import { RMAP_ANONMM, RMAP_PTE_CHAIN } from "./config_rmap";

/** The kernel records the PTEs of each page. */
export const HAS_PTE_CHAINS: bool = CONFIG_RMAP == RMAP_PTE_CHAIN;
/** The kernel finds anonymous pages by the mms of a lineage. */
export const HAS_ANONMM: bool = CONFIG_RMAP == RMAP_ANONMM;
