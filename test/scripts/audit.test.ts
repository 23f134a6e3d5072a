// Advisories against the packages of an installation: npm itself asks a registry of this test, and then the real one.
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { expect, onTestFinished, test } from "vitest";
import { AcceptedAdvisories, judgeAudit } from "../../scripts/audit/judge-audit.ts";
import { runAudit } from "../../scripts/audit/run-audit.ts";
import { root } from "../docs/repository.ts";
import { listenOnLoopback } from "../support/listen.ts";

const TODAY = "2026-11-26";
const NAME = "xxhash-wasm";
const URL_OF_ADVISORY = "https://github.com/advisories/GHSA-aaaa-bbbb-cccc";

/** A registry with one advisory against one package; `status` other than 200: it takes no audits. */
const startRegistry = async (options: { severity: string; status?: number }): Promise<string> => {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const body = Buffer.concat(chunks);
      response.setHeader("content-type", "application/json");
      if (request.method !== "POST") {
        const version = { name: NAME, version: "1.1.0", dist: { tarball: "http://127.0.0.1/x.tgz" } };
        return response.end(
          JSON.stringify({ name: NAME, "dist-tags": { latest: "1.1.0" }, versions: { "1.1.0": version } }),
        );
      }
      if (options.status !== undefined) return response.writeHead(options.status).end("{}");
      const text = request.headers["content-encoding"] === "gzip" ? gunzipSync(body) : body;
      const asked: unknown = JSON.parse(text.toString());
      expect(asked).toEqual({ [NAME]: ["1.1.0"] });
      const advisory = {
        id: 1,
        url: URL_OF_ADVISORY,
        title: "It hashes wrongly",
        severity: options.severity,
      };
      return response.end(
        JSON.stringify({ [NAME]: [{ ...advisory, vulnerable_versions: "<=1.1.0", cwe: [], cvss: {} }] }),
      );
    });
  });
  const { url } = await listenOnLoopback(server);
  onTestFinished(() => void server.close());
  return `${url}/`;
};

/** An installation of one package, and one for development that is not asked about. */
const makeInstallation = async (): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), "sluice-audit-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  // npm remembers advisories: not this test's in the cache of this machine.
  const cache = process.env["npm_config_cache"];
  process.env["npm_config_cache"] = join(folder, "cache");
  onTestFinished(() => {
    if (cache === undefined) delete process.env["npm_config_cache"];
    else process.env["npm_config_cache"] = cache;
  });
  const own = { name: "site", version: "1.0.0", dependencies: { [NAME]: "1.1.0" } };
  const packages = {
    "": { ...own, devDependencies: { left: "1.0.0" } },
    [`node_modules/${NAME}`]: { version: "1.1.0" },
    "node_modules/left": { version: "1.0.0", dev: true },
  };
  await writeFile(
    join(folder, "package.json"),
    JSON.stringify({ ...own, devDependencies: { left: "1.0.0" } }),
  );
  await writeFile(
    join(folder, "package-lock.json"),
    JSON.stringify({ name: "site", version: "1.0.0", lockfileVersion: 3, packages }),
  );
  return folder;
};

const LINE = `${NAME}: critical: It hashes wrongly (${URL_OF_ADVISORY})`;
const accept = (until: string, advisory = "GHSA-aaaa-bbbb-cccc") => [
  { advisory, reason: "The function in question is never called here.", until },
];

test("a critical advisory against a package of an installation is told, unless it is accepted with a reason and a date", async () => {
  const answer = await runAudit(await makeInstallation(), await startRegistry({ severity: "critical" }));
  if (!answer.answered) throw new Error(answer.why);
  expect(judgeAudit(answer.report, [], TODAY)).toEqual([LINE]);
  expect(judgeAudit(answer.report, accept("2026-11-26"), TODAY)).toEqual([]);
  expect(judgeAudit(answer.report, accept("2026-11-25"), TODAY)).toEqual([
    LINE,
    "GHSA-aaaa-bbbb-cccc was accepted until 2026-11-25 only: look at it again",
  ]);
  expect(judgeAudit(answer.report, accept("2027-01-01", "GHSA-dddd-eeee-ffff"), TODAY)).toEqual([
    LINE,
    "GHSA-dddd-eeee-ffff is accepted and no longer found: take it off the list",
  ]);
});

test("a moderate advisory is not told", async () => {
  const answer = await runAudit(await makeInstallation(), await startRegistry({ severity: "moderate" }));
  if (!answer.answered) throw new Error(answer.why);
  expect(Object.keys(answer.report.vulnerabilities)).toEqual([NAME]);
  expect(judgeAudit(answer.report, [], TODAY)).toEqual([]);
});

test("a registry that takes no audits is no clean bill", async () => {
  const registry = await startRegistry({ severity: "critical", status: 405 });
  expect(await runAudit(await makeInstallation(), registry)).toEqual({
    answered: false,
    why: expect.stringContaining("405"),
  });
});

test("what an installation of Sluice has is free of open advisories", async ({ skip }) => {
  const accepted = AcceptedAdvisories.parse(
    JSON.parse(await readFile(join(root, "scripts/audit/accepted.json"), "utf8")),
  );
  const answer = await runAudit(root);
  // Without a network, or behind a mirror without audits, nothing is known: that is said, and is no failure of this code.
  if (!answer.answered) return skip(`not audited, because the registry did not answer: ${answer.why}`);
  expect(judgeAudit(answer.report, accepted, new Date().toISOString().slice(0, 10))).toEqual([]);
});
