// Secrets of a stack on one machine: made at the first start, kept in the data folder, overridden by the environment.
import { randomBytes } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { KeyRing } from "../../shared/signing/key-ring.ts";

const keys = z.string().refine((text) => KeyRing.safeParse(text).success);

export const Secrets = z.object({
  adminToken: z.string().min(1),
  ingestToken: z.string().min(1),
  pushKeys: keys,
  cookieKeys: keys,
  previewKeys: keys,
  serverKeys: keys,
  sessionKeys: keys,
  pseudonymKeys: keys,
  encryptionKeys: keys,
});
export type Secrets = z.infer<typeof Secrets>;

const random = () => randomBytes(32).toString("base64url");
const newKey = () => `k1:${random()}`;

const makeSecrets = (): Secrets => ({
  adminToken: random(),
  ingestToken: random(),
  pushKeys: newKey(),
  cookieKeys: newKey(),
  previewKeys: newKey(),
  serverKeys: newKey(),
  sessionKeys: newKey(),
  pseudonymKeys: newKey(),
  encryptionKeys: newKey(),
});

/** The secret of the key that signs, or that a server sends. */
export const firstSecret = (ring: string): string => KeyRing.parse(ring)[0].secret;

export const secretsFile = (dataDir: string): string => join(dataDir, "secrets.json");

const write = (file: string, secrets: object, flag: "w" | "wx"): Promise<void> =>
  writeFile(file, JSON.stringify(secrets, null, 2), { mode: 0o600, flag });

/** What an older version did not keep, or kept in a form that is refused now, is made anew. */
const complete = async (file: string, fresh: Secrets): Promise<Secrets> => {
  const kept = z.record(z.string(), z.unknown()).parse(JSON.parse(await readFile(file, "utf8")));
  const valid = Object.entries(Secrets.shape)
    .filter(([name, schema]) => schema.safeParse(kept[name]).success)
    .map(([name]) => [name, kept[name]] as const);
  const secrets = Secrets.parse({ ...fresh, ...Object.fromEntries(valid) });
  if (valid.length < Object.keys(fresh).length) {
    await write(`${file}.next`, { ...kept, ...secrets }, "w");
    await rename(`${file}.next`, file);
  }
  return secrets;
};

export const loadSecrets = async (dataDir: string): Promise<Secrets> => {
  const file = secretsFile(dataDir);
  await mkdir(dataDir, { recursive: true });
  const fresh = makeSecrets();
  try {
    await write(file, fresh, "wx");
    return fresh;
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
    return complete(file, fresh);
  }
};
