// Secrets of a stack on one machine: made at the first start, kept in the data folder, overridden by the environment.
import { randomBytes } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";

export const Secrets = z.object({
  adminToken: z.string(),
  ingestToken: z.string(),
  pushKeys: z.string(),
  cookieKeys: z.string(),
});
export type Secrets = z.infer<typeof Secrets>;

const random = () => randomBytes(24).toString("base64url");

export const secretsFile = (dataDir: string): string => join(dataDir, "secrets.json");

export const loadSecrets = async (dataDir: string): Promise<Secrets> => {
  const file = secretsFile(dataDir);
  await mkdir(dataDir, { recursive: true });
  const fresh: Secrets = {
    adminToken: random(),
    ingestToken: random(),
    pushKeys: `k1:${random()}`,
    cookieKeys: `k1:${random()}`,
  };
  try {
    await writeFile(file, JSON.stringify(fresh, null, 2), { mode: 0o600, flag: "wx" });
    return fresh;
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
    return Secrets.parse(JSON.parse(await readFile(file, "utf8")));
  }
};
