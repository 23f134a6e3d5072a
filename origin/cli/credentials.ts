// Tokens that `npx sluice login` has got, one for each origin, in a file that nobody else can read.
import { mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { z } from "zod";
import { UsageError } from "./errors.ts";

const Credential = z.object({
  token: z.string(),
  actor: z.string(),
  scope: z.string(),
  /** null: it does not expire. */
  expiresAt: z.string().nullable(),
});
export type Credential = z.infer<typeof Credential>;
const Credentials = z.record(z.string(), Credential);

const OTHERS = 0o077;

/** By the XDG Base Directory Specification. */
export const credentialsFile = (): string =>
  join(process.env["XDG_CONFIG_HOME"] || join(homedir(), ".config"), "sluice", "credentials.json");

const isMissing = (error: unknown): boolean =>
  error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR");

const readAll = async (): Promise<Record<string, Credential>> => {
  const file = credentialsFile();
  let text: string;
  try {
    const { mode } = await stat(file);
    if ((mode & OTHERS) !== 0)
      throw new UsageError(`${file} can be read by others: run chmod 600 ${file}, and sluice login again`);
    text = await readFile(file, "utf8");
  } catch (error) {
    if (isMissing(error)) return {};
    throw error;
  }
  try {
    return Credentials.parse(JSON.parse(text));
  } catch (cause) {
    throw new UsageError(`${file} is not what sluice login has written: remove it and log in again`, {
      cause,
    });
  }
};

const writeAll = async (all: Record<string, Credential>): Promise<void> => {
  const file = credentialsFile();
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  // Whole or not at all, also when two commands write.
  const next = `${file}.${process.pid}`;
  await rm(next, { force: true });
  await writeFile(next, `${JSON.stringify(all, null, 2)}\n`, { mode: 0o600, flag: "wx" });
  await rename(next, file);
};

/** `origin`: its URL. */
export const readCredential = async (origin: string): Promise<Credential | undefined> => {
  const all = await readAll();
  return Object.hasOwn(all, origin) ? all[origin] : undefined;
};

export const keepCredential = async (origin: string, credential: Credential): Promise<void> =>
  writeAll({ ...(await readAll()), [origin]: credential });

export const forgetCredential = async (origin: string): Promise<void> => {
  const others = Object.entries(await readAll()).filter(([name]) => name !== origin);
  await writeAll(Object.fromEntries(others));
};
