// Who may import whom: test/spec/boundaries.json says it, .oxlintrc.json holds it. Each rule is proved by breaking it:
// every import between two folders is written into an empty copy of the tree, and the linter has to refuse those that
// the table does not allow and no others. So a rule that cannot fail, and a folder without one, are found.
import { execFile } from "node:child_process";
import { copyFile, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import table from "./spec/boundaries.json" with { type: "json" };

const root = join(import.meta.dirname, "..");
const folder = await mkdtemp(join(tmpdir(), "sluice-boundaries-"));
afterAll(() => rm(folder, { recursive: true, force: true }));

type Kind = "value" | "type";
const isFile = (place: string): boolean => place.endsWith(".ts");
const write = async (path: string, text: string): Promise<void> => {
  await mkdir(dirname(join(folder, path)), { recursive: true });
  await writeFile(join(folder, path), text);
};

const Diagnostics = z.object({
  diagnostics: z.array(
    z.object({
      code: z.string().optional(),
      filename: z.string(),
      labels: z.array(z.object({ span: z.object({ line: z.number() }) })),
    }),
  ),
});

/** `file:line` of everything that the rule refuses. */
const refusedBy = async (rule: string): Promise<string[]> => {
  const output = await new Promise<string>((resolve) => {
    execFile(
      join(root, "node_modules/.bin/oxlint"),
      ["--format", "json", "."],
      { cwd: folder, maxBuffer: 2 ** 26 },
      (_, stdout) => resolve(stdout),
    );
  });
  const { diagnostics } = Diagnostics.parse(JSON.parse(output));
  return diagnostics
    .filter(({ code }) => code === rule)
    .map(({ filename, labels }) => `${filename}:${labels[0]?.span.line}`)
    .toSorted();
};

/** Files that import from `from`: one beside the folder's others, one a folder deeper. */
const importersIn = (program: string, from: string): string[] =>
  isFile(from)
    ? [`${program}/${from}`]
    : [`${program}/${from}/importer.ts`, `${program}/${from}/deeper/importer.ts`];
const targetIn = (program: string, to: string): string =>
  `${program}/${isFile(to) ? to : `${to}/importer.ts`}`;

const lineOf = (importer: string, target: string, kind: Kind, number: number): string => {
  const path = relative(dirname(importer), target);
  const specifier = path.startsWith(".") ? path : `./${path}`;
  return kind === "value"
    ? `export { value as value${number} } from "${specifier}";`
    : `export type { Value as Value${number} } from "${specifier}";`;
};

type Boundary = { readonly values: readonly string[]; readonly types: readonly string[] };
type Boundaries = {
  readonly entryPoints: readonly string[];
  readonly tools: readonly string[];
  readonly stages: Readonly<Record<string, Boundary>>;
};

type Import = { readonly target: string; readonly kind: Kind; readonly isAllowed: boolean };

/** Writes one line for each import; returns the places of those that are not allowed. */
const writeImports = async (importer: string, imports: readonly Import[]): Promise<string[]> => {
  const lines = imports.map(({ target, kind }, index) => lineOf(importer, target, kind, index + 1));
  await write(importer, [...lines, "export const value = 1;", "export type Value = number;", ""].join("\n"));
  return imports.flatMap(({ isAllowed }, index) => (isAllowed ? [] : [`${importer}:${index + 1}`]));
};

const kinds = ["value", "type"] as const;

beforeEach(async () => {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder);
  await copyFile(join(root, ".oxlintrc.json"), join(folder, ".oxlintrc.json"));
});

describe.each(["origin", "edge"] as const)("inside %s", (program) => {
  const { entryPoints, tools, stages }: Boundaries = table[program];
  const places = [...tools, ...Object.keys(stages)];
  const boundaries = Object.entries<Boundary>({
    ...Object.fromEntries(tools.map((tool) => [tool, { values: [], types: [] }])),
    ...stages,
  });

  test("every folder and file at the top is in the table, or has entry points alone", async () => {
    const entries = await readdir(join(root, program), { withFileTypes: true });
    const atTop = entries
      .filter((entry) => entry.isDirectory() || isFile(entry.name))
      .map(({ name }) => name);
    const ofEntryPoints = new Set(entryPoints.map((entry) => entry.split("/")[0]));
    expect(atTop.filter((name) => !places.includes(name) && !ofEntryPoints.has(name))).toEqual([]);
    expect(places.filter((name) => !atTop.includes(name))).toEqual([]);
  });

  test("the linter lets a stage import what the table allows, an entry point every stage, and nothing else", async () => {
    const forbidden: string[] = [];
    for (const [from, { values, types }] of boundaries) {
      const isStage = !tools.includes(from);
      const ofStages = places
        .filter((to) => to !== from)
        .flatMap((to) =>
          kinds.map((kind) => ({
            target: targetIn(program, to),
            kind,
            isAllowed:
              values.includes(to) ||
              (kind === "type" && types.includes(to)) ||
              (isStage && tools.includes(to)),
          })),
        );
      const ofEntryPoints = entryPoints
        .filter((entry) => !entry.startsWith(`${from}/`))
        .map((entry) => ({ target: `${program}/${entry}`, kind: "value" as const, isAllowed: false }));
      for (const importer of importersIn(program, from))
        forbidden.push(...(await writeImports(importer, [...ofStages, ...ofEntryPoints])));
    }
    for (const entry of entryPoints)
      await writeImports(
        `${program}/${entry}`,
        places.map((to) => ({ target: targetIn(program, to), kind: "value", isAllowed: true })),
      );
    expect(await refusedBy("eslint(no-restricted-imports)")).toEqual(forbidden.toSorted());
  });
});

test("edge and origin import shared, shared imports neither, and no program imports what is only for development", async () => {
  const programs = ["shared", "edge", "origin"];
  const others = ["scripts", "bench", "test", "console"];
  const forbidden: string[] = [];
  for (const program of programs) {
    const imports = [...programs, ...others]
      .filter((to) => to !== program)
      .flatMap((to) =>
        kinds.map((kind) => ({
          target: targetIn(to, "any"),
          kind,
          isAllowed: to === "shared" && program !== to,
        })),
      );
    for (const importer of importersIn(program, "any"))
      forbidden.push(...(await writeImports(importer, imports)));
  }
  expect(await refusedBy("eslint(no-restricted-imports)")).toEqual(forbidden.toSorted());
});

test("shared runs anywhere: it imports nothing of Node or of workerd, and origin nothing of workerd", async () => {
  await write(
    "shared/any.ts",
    'export { hash } from "node:crypto";\nexport { env } from "cloudflare:workers";\n',
  );
  await write(
    "origin/any.ts",
    'export { hash } from "node:crypto";\nexport { env } from "cloudflare:workers";\n',
  );
  expect(await refusedBy("eslint(no-restricted-imports)")).toEqual([
    "origin/any.ts:2",
    "shared/any.ts:1",
    "shared/any.ts:2",
  ]);
});

test("two files that import each other are refused, even if one imports only a type", async () => {
  await write("shared/one.ts", 'import type { Value } from "./other.ts";\nexport const value: Value = 1;\n');
  await write("shared/other.ts", 'export { value } from "./one.ts";\nexport type Value = number;\n');
  expect(await refusedBy("import(no-cycle)")).toEqual(["shared/one.ts:1", "shared/other.ts:1"]);
});
