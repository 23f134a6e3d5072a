import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { firstSecret, loadSecrets, secretsFile } from "../../scripts/local-stack/secrets.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "sluice-secrets-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const kept = async (): Promise<Record<string, string>> =>
  JSON.parse(await readFile(secretsFile(folder), "utf8")) as Record<string, string>;

test("secrets of 32 random bytes are made once, and read by the owner alone", async () => {
  const first = await loadSecrets(folder);
  for (const text of Object.values(first))
    expect(Buffer.from(text.replace("k1:", ""), "base64url")).toHaveLength(32);
  expect(new Set(Object.values(first)).size).toBe(Object.keys(first).length);
  expect(await loadSecrets(folder)).toEqual(first);
  expect((await stat(secretsFile(folder))).mode & 0o777).toBe(0o600);
});

test("a file of an older version keeps what is in it, and gets what it lacks", async () => {
  const { serverKeys: _, ...older } = await loadSecrets(folder);
  await writeFile(
    secretsFile(folder),
    JSON.stringify({ ...older, pushKeys: "k1:made-by-an-older-version-24byte", note: "mine" }),
  );
  const secrets = await loadSecrets(folder);
  expect(secrets).toMatchObject({ ...older, pushKeys: expect.stringMatching(/^k1:/) });
  expect(firstSecret(secrets.serverKeys)).toHaveLength(43);
  expect(await kept()).toEqual({ ...secrets, note: "mine" });
  expect(await loadSecrets(folder)).toEqual(secrets);
});
