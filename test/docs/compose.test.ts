// compose.yaml as it is written: what it names exists, also of the services that test/flow/compose.test.ts cannot start.
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, cpSync, readdirSync, rmSync, statSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { parseConfig } from "../../origin/environment/parse-config.ts";
import { Variables } from "../../origin/environment/variables.ts";
import { withFileVariables } from "../../origin/runtime/file-variables.ts";
import { readFile, root } from "./repository.ts";

const Service = z.looseObject({
  image: z.string(),
  user: z.string().optional(),
  read_only: z.literal(true),
  cap_drop: z.tuple([z.literal("ALL")]),
  security_opt: z.tuple([z.literal("no-new-privileges:true")]),
  restart: z.literal("unless-stopped"),
  ports: z.array(z.string().regex(/^127\.0\.0\.1:\$\{[A-Z]+_PORT:-\d+\}:\d+$/)).default([]),
  volumes: z.array(z.string()).default([]),
  secrets: z.array(z.string()).default([]),
  environment: z.record(z.string(), z.string()).default({}),
});
const text = readFile("compose.yaml");
const { services, secrets, volumes } = z
  .object({
    services: z.record(z.string(), Service),
    secrets: z.record(z.string(), z.object({ file: z.string() })),
    volumes: z.record(z.string(), z.null()),
  })
  .parse(parse(text, { merge: true }));
const origins = Object.values(services).filter(({ image }) => image.includes("SLUICE_IMAGE"));

test("each role runs in exactly one service", () => {
  const roles = origins.flatMap(({ environment }) => (environment["ROLES"] ?? "").split(","));
  expect(roles.toSorted()).toEqual(["admin", "evaluate", "fold", "ingest", "push"]);
});

test("every file that it mounts is here, and every volume and secret is declared", () => {
  for (const [name, service] of Object.entries(services)) {
    for (const mount of service.volumes) {
      const [source = ""] = mount.split(":");
      const known = source.startsWith("./") ? existsSync(join(root, source)) : source in volumes;
      expect(known, `${name}: ${source}`).toBe(true);
    }
    expect(service.secrets.filter((secret) => !(secret in secrets))).toEqual([]);
  }
});

test(".env.example has every variable that it reads, and no other", () => {
  const read = new Set([...text.matchAll(/\$\{([A-Z_]+)/g)].map(([, name]) => name));
  const listed = [...readFile(".env.example").matchAll(/^(?:# )?([A-Z_]+)=/gm)].map(([, name]) => name);
  expect(listed.toSorted()).toEqual([...read].toSorted());
});

test("make-secrets.sh makes its secrets once, for nobody else on this machine, and the origin takes them", () => {
  const folder = mkdtempSync(join(tmpdir(), "sluice-secrets-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  cpSync(join(root, "deploy/compose/make-secrets.sh"), join(folder, "make-secrets.sh"));
  const make = () => execFileSync("sh", [join(folder, "make-secrets.sh")]);
  make();
  const made = readdirSync(join(folder, "secrets"));
  expect(made.toSorted()).toEqual(Object.keys(secrets).toSorted());
  expect(statSync(join(folder, "secrets")).mode & 0o777).toBe(0o700);
  const textOf = (name: string) => readFileSync(join(folder, "secrets", name), "utf8");
  const before = made.map(textOf);
  make();
  expect(made.map(textOf)).toEqual(before);
  expect(new Set(before).size).toBe(before.length);

  for (const { environment } of origins) {
    const placed = Object.entries(environment)
      .filter(([, value]) => !value.startsWith("${"))
      .map(([name, value]) => [name, value.replace("/run/secrets", join(folder, "secrets"))]);
    const given = withFileVariables(Object.fromEntries(placed), Object.keys(Variables.shape));
    const config = given.ok ? parseConfig(given.value) : given;
    expect(config).toMatchObject({
      ok: true,
      value: { DATABASE_URL: textOf("database-url"), ADMIN_TOKEN: textOf("admin-token") },
    });
  }
});
