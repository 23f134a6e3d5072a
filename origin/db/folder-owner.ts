// One owner of a data folder at a time: a numbered file that names the process. Who finds that the owner of the highest number
// has ended makes the next number, by a hard link, which only one of several can make. The file of a process that runs is
// never touched.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { link, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";

const Owner = z.object({
  pid: z.number(),
  /** when the process began: another one may have got its number since */
  began: z.string(),
  /** where it is reached, for a person */
  port: z.number().nullable(),
});
type Owner = z.infer<typeof Owner>;

/** The folder belongs to a process that runs. */
export class FolderOwnedError extends Error {
  override readonly name = "FolderOwnedError";
}

export type FolderOwnership = {
  /** false: this process owned it before. */
  readonly isNew: boolean;
  readonly release: () => Promise<void>;
};

/** When a process began, in the words of its system; null when there is none (any more). */
const beganAt = (pid: number): string | null => {
  if (process.platform === "linux") {
    try {
      // pid (name) state …: the name may hold spaces and brackets. The 22nd field is the time.
      const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      return fields[0] === "Z" ? null : (fields[19] ?? null);
    } catch {
      return null;
    }
  }
  const { stdout } = spawnSync("ps", ["-o", "lstart=", "-p", String(pid)], { encoding: "utf8" });
  return stdout?.trim() || null;
};

const readOwner = async (file: string): Promise<Owner | null> => {
  try {
    return Owner.parse(JSON.parse(await readFile(file, "utf8")));
  } catch {
    // Not there, or cut off by a full disk: then nobody is known to own the folder.
    return null;
  }
};

const isRunning = ({ pid, began }: Owner): boolean => beganAt(pid) === began;

const claimFile = (folder: string, number: number): string => join(folder, `owner.${number}.json`);

const isCode = (error: unknown, code: string): boolean =>
  error instanceof Error && "code" in error && error.code === code;

type Claim = { readonly number: number; readonly owner: Owner | null };

/** In falling order of their numbers. */
const readClaims = async (folder: string): Promise<Claim[]> => {
  const numbers = (await readdir(folder)).flatMap((name) => {
    const found = /^owner\.(\d+)\.json$/.exec(name)?.[1];
    return found === undefined ? [] : [Number(found)];
  });
  return Promise.all(
    numbers
      .toSorted((a, b) => b - a)
      .map(async (number) => ({ number, owner: await readOwner(claimFile(folder, number)) })),
  );
};

/**
 * Takes `folder`, which has to exist, for this process, `what` being its name for a person. Throws a FolderOwnedError with
 * the owner's process id and port while another process owns it. Taking it again in the same process is no error.
 */
export const ownFolder = async (
  folder: string,
  { what, port }: { readonly what: string; readonly port: number | null },
): Promise<FolderOwnership> => {
  const me: Owner = { pid: process.pid, began: beganAt(process.pid) ?? "", port };
  const isMine = (owner: Owner | null): boolean => owner?.pid === me.pid && owner.began === me.began;
  const refuseOthers = (claims: readonly Claim[]): void => {
    for (const { owner } of claims) {
      if (owner === null || isMine(owner) || !isRunning(owner)) continue;
      const where = owner.port === null ? "" : `, which listens on port ${owner.port}`;
      throw new FolderOwnedError(
        `${what} is in use by process ${owner.pid}${where}. Stop it first, or name another folder.`,
      );
    }
  };

  const written = join(folder, `owner-${process.pid}.tmp`);
  await writeFile(written, JSON.stringify(me));
  try {
    for (;;) {
      const claims = await readClaims(folder);
      refuseOthers(claims);
      const before = claims.find(({ owner }) => isMine(owner));
      const number = before?.number ?? (claims[0]?.number ?? 0) + 1;
      const file = claimFile(folder, number);
      const release = (): Promise<void> => rm(file, { force: true });
      if (before !== undefined) return { isNew: false, release };
      try {
        await link(written, file);
      } catch (error) {
        // Another process was quicker: look again at whose the folder is.
        if (isCode(error, "EEXIST")) continue;
        throw error;
      }
      try {
        refuseOthers(await readClaims(folder));
      } catch (error) {
        await release();
        throw error;
      }
      for (const old of claims) await rm(claimFile(folder, old.number), { force: true });
      return { isNew: true, release };
    }
  } finally {
    await rm(written, { force: true });
  }
};
