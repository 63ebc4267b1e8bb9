// The scenarios that come with racier.

import { ConfigError } from "../kernel/error.ts";
import { adoptUnmap } from "./adopt-unmap.ts";
import { anonVmaReuse } from "./anon-vma-reuse.ts";
import { cacheDestroy } from "./cache-destroy.ts";
import { chainFault } from "./chain-fault.ts";
import { chainUnmap } from "./chain-unmap.ts";
import { cowReader } from "./cow-reader.ts";
import { cowReuse } from "./cow-reuse.ts";
import { cowThreads } from "./cow-threads.ts";
import { cowUnmap } from "./cow-unmap.ts";
import { exitTogether } from "./exit-together.ts";
import { fileCount } from "./file-count.ts";
import { fileDirty } from "./file-dirty.ts";
import { fileFault } from "./file-fault.ts";
import { firstTouch } from "./first-touch.ts";
import { forkStore } from "./fork-store.ts";
import { forkUnmap } from "./fork-unmap.ts";
import { forkWalk } from "./fork-walk.ts";
import { countedAnonVma } from "./counted-anon-vma.ts";
import { cowNotify } from "./cow-notify.ts";
import { forkRange } from "./fork-range.ts";
import { getTaskMm } from "./get-task-mm.ts";
import { guestCow } from "./guest-cow.ts";
import { guestTruncate } from "./guest-truncate.ts";
import { registerSplit } from "./register-split.ts";
import { registerTogether } from "./register-together.ts";
import { registerTruncate } from "./register-truncate.ts";
import { releaseTruncate } from "./release-truncate.ts";
import { unregisterExit } from "./unregister-exit.ts";
import { lineageExit } from "./lineage-exit.ts";
import { lineageMigrate } from "./lineage-migrate.ts";
import { mapFault } from "./map-fault.ts";
import { pageReferenced } from "./page-referenced.ts";
import { rmapWalk } from "./rmap-walk.ts";
import type { Scenario } from "./scenario.ts";
import { samePage } from "./same-page.ts";
import { slabDrain } from "./slab-drain.ts";
import { splitWalk } from "./split-walk.ts";
import { swapShare } from "./swap-share.ts";
import { swapPin } from "./swap-pin.ts";
import { swapStore } from "./swap-store.ts";
import { swapRemap } from "./swap-remap.ts";
import { swapCount } from "./swap-count.ts";
import { fileReclaim } from "./file-reclaim.ts";
import { swapRewrite } from "./swap-rewrite.ts";
import { swapoffFault } from "./swapoff-fault.ts";
import { swapoffReuse } from "./swapoff-reuse.ts";
import { truncateFault } from "./truncate-fault.ts";
import { truncateFork } from "./truncate-fork.ts";
import { truncateMove } from "./truncate-move.ts";
import { truncateReferenced } from "./truncate-referenced.ts";
import { twoMmapSems } from "./two-mmap-sems.ts";
import { unmapAccess } from "./unmap-access.ts";
import { unmapFault } from "./unmap-fault.ts";

/** All of them, simplest first. */
export const SCENARIOS: readonly Scenario[] = [
  firstTouch,
  samePage,
  mapFault,
  unmapFault,
  unmapAccess,
  cowUnmap,
  cowThreads,
  cowReuse,
  exitTogether,
  forkStore,
  rmapWalk,
  pageReferenced,
  anonVmaReuse,
  cacheDestroy,
  truncateReferenced,
  truncateFault,
  truncateFork,
  truncateMove,
  cowReader,
  adoptUnmap,
  fileFault,
  fileCount,
  fileDirty,
  forkWalk,
  splitWalk,
  forkUnmap,
  slabDrain,
  guestCow,
  guestTruncate,
  registerTruncate,
  registerTogether,
  registerSplit,
  cowNotify,
  forkRange,
  getTaskMm,
  unregisterExit,
  releaseTruncate,
  countedAnonVma,
  twoMmapSems,
  chainUnmap,
  chainFault,
  lineageExit,
  lineageMigrate,
  swapShare,
  swapPin,
  swapStore,
  swapRemap,
  swapCount,
  fileReclaim,
  swapRewrite,
  swapoffFault,
  swapoffReuse,
];

/** A scenario by its name. Throws ConfigError. */
export function scenarioNamed(name: string): Scenario {
  const found = SCENARIOS.find((scenario) => scenario.name === name);
  if (found !== undefined) return found;
  const known = SCENARIOS.map((scenario) => scenario.name).join(", ");
  throw new ConfigError(`there is no scenario "${name}": there are ${known}`);
}
