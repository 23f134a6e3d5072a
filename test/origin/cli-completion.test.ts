// Completion as a person gets it: real shells, the scripts that the command prints, and an origin that knows the features.
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { programPath } from "../../scripts/system-programs.ts";
import { runCli } from "../support/cli.ts";
import { makeTestDatabase } from "../support/database.ts";
import { ADMIN_TOKEN, startOrigin } from "../support/origin.ts";

const folder = await mkdtemp(join(tmpdir(), "sluice-completion-"));
const database = await makeTestDatabase();
const origin = await startOrigin({ DATABASE_URL: database.url });
afterAll(async () => {
  await origin.end("SIGTERM");
  await database.drop();
  await rm(folder, { recursive: true, force: true });
});
beforeAll(async () => {
  for (const featureId of ["feat_cart", "shop:search", "shop:sort"])
    await origin.admin("POST", "/features", { featureId });
});

const env = {
  PATH: process.env["PATH"],
  HOME: folder,
  TERM: "xterm",
  SLUICE_URL: origin.url,
  SLUICE_TOKEN: ADMIN_TOKEN,
  SLUICE_COMMAND: `${process.execPath} origin/cli/main.ts`,
};

const scriptOf = async (shell: string): Promise<string> => {
  const { code, out } = await runCli(["completion", shell]);
  expect(code).toBe(0);
  const file = join(folder, `completion.${shell}`);
  await writeFile(file, out);
  return file;
};

/** Each shell prints what it would offer for a line with the cursor at its end. */
const shells = {
  bash: (file: string, line: string): string => {
    // As bash itself does: the words of the line, the last of which may be empty.
    const words = line
      .split(" ")
      .map((word) => `'${word}'`)
      .join(" ");
    const script = `source '${file}'; COMP_WORDS=(${words}); COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); _sluice; printf '%s\\n' "\${COMPREPLY[@]}"`;
    return execFileSync(programPath("bash", "npm test"), ["--norc", "-c", script], { env, encoding: "utf8" });
  },
  fish: (file: string, line: string): string =>
    execFileSync(
      programPath("fish", "npm test"),
      ["--no-config", "-c", `source '${file}'; complete -C '${line}'`],
      {
        env,
        encoding: "utf8",
      },
    ),
  zsh: (file: string, line: string): string => {
    // The widget's words are given, and what it would add is printed: zsh has no other way without a terminal.
    const words = line
      .split(" ")
      .map((word) => `'${word}'`)
      .join(" ");
    const script = `compdef() { :; }; compadd() { print -rl -- "\${(@P)2}"; }; source '${file}'; words=(${words}); CURRENT=\${#words}; _sluice`;
    const { stdout, stderr } = spawnSync(programPath("zsh", "npm test"), ["-f", "-c", script], {
      env,
      encoding: "utf8",
    });
    if (stderr !== "") throw new Error(stderr);
    return stdout;
  },
} as const;

describe.each(Object.keys(shells) as (keyof typeof shells)[])("%s", (shell) => {
  test.each([
    ["sluice stat", ["status"]],
    ["npx sluice roll", ["rollback"]],
    ["sluice tokens ", ["create", "list", "revoke"]],
    ["sluice why shop:s", ["shop:search", "shop:sort"]],
    ["sluice rollback feat", ["feat_cart"]],
    ["sluice enable feat_cart --ro", ["--rollout"]],
    ["sluice enable --reason feat", []],
  ])("completes %j", async (line, expected) => {
    const file = await scriptOf(shell);
    const offered = shells[shell](file, line)
      .split("\n")
      .map((word) => word.split("\t")[0]?.trim() ?? "")
      .filter((word) => word !== "");
    expect(offered.toSorted()).toEqual(expected);
  });
});

test("without an origin it offers nothing, quickly and without a word", async () => {
  const begun = performance.now();
  const { code, out, error } = await runCli(["complete", "--", "why", ""], {
    SLUICE_URL: "http://127.0.0.1:1",
  });
  expect({ code, out, error }).toEqual({ code: 0, out: "", error: "" });
  expect(performance.now() - begun).toBeLessThan(10_000);
});

test("another shell is refused with those that there are", async () => {
  const { code, error } = await runCli(["completion", "tcsh"]);
  expect(code).toBe(2);
  expect(error).toContain("SHELL must be one of bash, zsh, fish");
});
