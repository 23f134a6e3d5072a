// A folder that several files of tests fill: who comes second waits until the first has filled it.
import { mkdir } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { FolderOwnedError, ownFolder, type FolderOwnership } from "../../origin/db/folder-owner.ts";

export const ownCache = async (folder: string, what: string): Promise<FolderOwnership> => {
  await mkdir(folder, { recursive: true });
  for (;;) {
    try {
      return await ownFolder(folder, { what, port: null });
    } catch (error) {
      if (!(error instanceof FolderOwnedError)) throw error;
      await sleep(200);
    }
  }
};
