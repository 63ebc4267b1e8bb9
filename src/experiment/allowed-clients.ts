// Which secondary MMUs of ours a kernel can stand.

import { chosenKernel } from "../kernel/catalogue.ts";
import { methodsMaySleep } from "../kernel/mmn-patches.ts";
import { CLIENTS } from "../notifier/clients/index.ts";

/** Names of the clients: none without notifiers, and who sleeps in its methods only where they may. */
export function allowedClients(kernel: string): readonly string[] {
  const { settings } = chosenKernel(kernel);
  if ((settings["CONFIG_MMU_NOTIFIER"] ?? 0) === 0) return [];
  const maySleep = methodsMaySleep(settings);
  return CLIENTS.filter(({ sleeps }) => maySleep || sleeps !== true).map(({ name }) => name);
}
