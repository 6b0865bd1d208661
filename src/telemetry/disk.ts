import { statfsSync } from "node:fs";
import { statfs } from "node:fs/promises";
import type { Disk } from "./gauges.ts";

interface Sizes {
  readonly bavail: number;
  readonly blocks: number;
  readonly bsize: number;
}

/**
 * The disk that a folder is on, as it was at the reading before: a disk that does not answer must not keep the thread
 * that reads. `free` is what others than root may still write.
 *
 * @throws Error of the system where the folder is not there
 */
export function watchDisk(folder: string): () => Disk {
  let last = diskOf(statfsSync(folder));
  let looking = false;
  return () => {
    if (!looking) {
      looking = true;
      statfs(folder)
        .then((sizes) => {
          last = diskOf(sizes);
        })
        // It has gone since; the process has other troubles then, and says so.
        .catch(() => {})
        .finally(() => {
          looking = false;
        });
    }
    return last;
  };
}

function diskOf({ bavail, blocks, bsize }: Sizes): Disk {
  return { free: bavail * bsize, size: blocks * bsize };
}
