// Secrets in files: NAME_FILE stands for NAME.
import { spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { withFileVariables } from "../../../origin/runtime/file-variables.ts";

const folder = await mkdtemp(join(tmpdir(), "sluice-secrets-"));
afterAll(() => rm(folder, { recursive: true, force: true }));

const fileOf = async (name: string, content: string | Uint8Array): Promise<string> => {
  const file = join(folder, name);
  await writeFile(file, content);
  return file;
};

test("a variable's value may lie in a file, whose last line break is not part of it", async () => {
  const given = {
    LOG_LEVEL: "warn",
    ADMIN_TOKEN_FILE: await fileOf("admin-token", "a token\n"),
    PUSH_KEYS_FILE: await fileOf("push-keys", "k1:first,k2:second\r\n"),
    INGEST_TOKEN_FILE: "",
  };
  expect(withFileVariables(given, ["ADMIN_TOKEN", "PUSH_KEYS", "INGEST_TOKEN", "LOG_LEVEL"])).toEqual({
    ok: true,
    value: { ...given, ADMIN_TOKEN: "a token", PUSH_KEYS: "k1:first,k2:second" },
  });
});

test("a name that is no variable of the origin is left alone", () => {
  const given = { SSL_CERT_FILE: "/nowhere" };
  expect(withFileVariables(given, ["ADMIN_TOKEN"])).toEqual({ ok: true, value: given });
});

test.each([
  ["beside its variable", "a token", { ADMIN_TOKEN: "another" }, "must not be set beside ADMIN_TOKEN"],
  ["that is empty", "\n", {}, "must be a file that is not empty"],
  ["that is no text", new Uint8Array([0xff, 0xfe, 0x00]), {}, "must be a file that can be read"],
])(
  "a file %s is refused by the variable's name and without its content",
  async (_, content, more, reason) => {
    const given = { ...more, ADMIN_TOKEN_FILE: await fileOf("refused", content) };
    const { ok, ...refused } = withFileVariables(given, ["ADMIN_TOKEN"]);
    expect(ok).toBe(false);
    expect(refused).toEqual({
      error: [{ variable: "ADMIN_TOKEN_FILE", reason: expect.stringContaining(reason) }],
    });
  },
);

const main = fileURLToPath(new URL("../../../origin/main.ts", import.meta.url));

test("the origin refuses a file that is not there and a wrong value in one, each by its name", async () => {
  const start = (env: Record<string, string>) => {
    const { status, stderr } = spawnSync(process.execPath, [main], { env, encoding: "utf8" });
    return { status, stderr };
  };
  const missing = join(folder, "missing");
  expect(start({ DATABASE_URL_FILE: missing })).toEqual({
    status: 2,
    stderr: "DATABASE_URL_FILE must be a file that can be read (ENOENT)\n",
  });
  const wrong = start({ DATABASE_URL_FILE: await fileOf("wrong", "mysql://root:secret@host/db\n") });
  expect(wrong.status).toBe(2);
  expect(wrong.stderr).toMatch(/^DATABASE_URL must be a URL starting with postgres:/);
  expect(wrong.stderr).not.toContain("secret@host");
});

const cli = fileURLToPath(new URL("../../../origin/cli/main.ts", import.meta.url));

test.each([["migrate"], ["partitions", "list"]])(
  "`sluice %s` reads the files of an origin too",
  (...words) => {
    const { stderr } = spawnSync(process.execPath, [cli, ...words], {
      env: { DATABASE_URL_FILE: join(folder, "missing") },
      encoding: "utf8",
    });
    expect(stderr).toContain("DATABASE_URL_FILE must be a file that can be read (ENOENT)");
  },
);
