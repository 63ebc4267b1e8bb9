// Puts a file in place in one step: written beside, on the disk, then renamed. Whoever reads it, after
// whatever crash, finds the whole of the old one or the whole of the new one.

import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

/** Puts `contents` in place of the file at `path`, if there is one. */
export function replaceFile(path: string, contents: string): void {
  const draft = `${path}.${process.pid}.tmp`;
  try {
    onDisk(openSync(draft, "w"), (file) => {
      writeFileSync(file, contents);
    });
    renameSync(draft, path);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  }
  // The new name is on the disk when its folder is.
  onDisk(openSync(dirname(path), "r"));
}

function onDisk(file: number, write?: (file: number) => void): void {
  try {
    write?.(file);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
