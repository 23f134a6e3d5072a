// Which tests judge which module: a test file is pure when all that it imports, however far away, is this project's own code
// and a few packages without a world outside, and it asks nobody by itself. A pure test judges each module that it reaches.
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseSync } from "oxc-parser";

const PURE_PACKAGES: ReadonlySet<string> = new Set(["fast-check", "vitest", "xxhash-wasm", "zod"]);
const PURE_OF_NODE: ReadonlySet<string> = new Set(["node:buffer", "node:crypto", "node:util"]);
/** What vitest-shim.ts has. */
const PURE_OF_VITEST: ReadonlySet<string> = new Set(["describe", "expect", "test"]);

type Import = { readonly from: string; readonly names: readonly (string | undefined)[] };

/** What a module imports when it runs: types are not. */
const importsOf = (path: string): Import[] => {
  const { module, program } = parseSync(path, readFileSync(path, "utf8"), { lang: "ts" });
  const typeOnly = new Set(
    program.body.flatMap((node) =>
      (node.type === "ImportDeclaration" && node.importKind === "type") ||
      (node.type === "ExportNamedDeclaration" && node.exportKind === "type")
        ? [node.start]
        : [],
    ),
  );
  return [
    ...module.staticImports
      .filter(({ start }) => !typeOnly.has(start))
      .map(({ moduleRequest, entries }) => ({
        from: moduleRequest.value,
        names: entries.filter(({ isType }) => !isType).map(({ importName }) => importName.name ?? undefined),
      })),
    ...module.staticExports
      .filter(({ start }) => !typeOnly.has(start))
      .flatMap(({ entries }) => entries.flatMap(({ moduleRequest }) => moduleRequest?.value ?? []))
      .map((from) => ({ from, names: [] })),
  ];
};

const isOwn = ({ from }: Import): boolean => from.startsWith(".");

const isPure = ({ from, names }: Import): boolean =>
  from === "vitest"
    ? names.every((name) => name !== undefined && PURE_OF_VITEST.has(name))
    : from.startsWith(".") || PURE_PACKAGES.has(from) || PURE_OF_NODE.has(from);

/** `fetch` is there without an import. */
const asksSomebody = (path: string): boolean => /\bfetch\(/.test(readFileSync(path, "utf8"));

export type PureTest = {
  readonly path: string;
  /** Modules that it reaches, by the number of imports on the way. */
  readonly distances: ReadonlyMap<string, number>;
};

/** Paths from the project's folder. */
export const findPureTests = (): PureTest[] => {
  const known = new Map<string, Import[]>();
  const importsAt = (path: string): Import[] => {
    const found = known.get(path) ?? (path.endsWith(".ts") ? importsOf(path) : []);
    known.set(path, found);
    return found;
  };
  return globSync("test/**/*.test.ts").flatMap((path) => {
    if (asksSomebody(path)) return [];
    const distances = new Map([[path, 0]]);
    for (const [reached, distance] of distances) {
      const imports = importsAt(reached);
      if (!imports.every(isPure)) return [];
      for (const { from } of imports.filter(isOwn)) {
        const next = join(reached, "..", from);
        if (!distances.has(next)) distances.set(next, distance + 1);
      }
    }
    return [{ path, distances }];
  });
};

/** The tests of a module, the nearest first, and all that has to be loaded anew with it: whatever reaches it. */
export const judgesOf = (
  path: string,
  tests: readonly PureTest[],
): { tests: string[]; reaching: string[] } => {
  const judges = tests
    .filter(({ distances }) => distances.has(path))
    .toSorted((one, other) => one.distances.get(path)! - other.distances.get(path)!);
  const importers = new Map<string, Set<string>>();
  for (const { distances } of judges)
    for (const from of distances.keys())
      for (const { from: to } of from.endsWith(".ts") ? importsOf(from).filter(isOwn) : []) {
        const target = join(from, "..", to);
        importers.set(target, (importers.get(target) ?? new Set()).add(from));
      }
  const reaching = new Set([path]);
  for (const reached of reaching) for (const importer of importers.get(reached) ?? []) reaching.add(importer);
  return { tests: judges.map((judge) => judge.path), reaching: [...reaching] };
};
