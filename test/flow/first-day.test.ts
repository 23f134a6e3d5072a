// The first day with Sluice on real parts, all by the command line: begin, apply a file, see the page gated, break it, see it
// roll back, read why, get the Slack message, open it again, verify the audit.
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, expect, test } from "vitest";
import { runCli } from "../support/cli.ts";
import { listenOnLoopback } from "../support/listen.ts";
import { startReceiver } from "../support/receiver.ts";
import { eventually, makeTestStack } from "../support/stack.ts";

const ID = "feat_checkout";
const FILE = `source: first-day
features:
  ${ID}:
    description: The checkout on one page
    enabled: true
    rolloutBps: 5000
    holdoutBps: 5000
    routes:
      - path: /checkout
    rule:
      # Requests alone decide: a page that fails must not wait until somebody could have come back.
      activationThreshold: 0
      retentionThreshold: 0
      latencyP95Threshold: 10000
      errorRateThreshold: 0.05
      minCohortSize: 50
      # Seconds instead of days: they also say how finely exposures are counted.
      activationWindowSeconds: 8
      retentionWindowSeconds: 16
      returnAfterSeconds: 3
      evaluationWindowSeconds: 120
      mode: enforce
`;
const BROWSER = "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0";

/** A site that fails for those who have the feature, while it is broken. */
const shop = { isBroken: false, told: [] as string[] };
const site = createServer((request, response) => {
  const features = String(request.headers["sluice-features"] ?? "");
  shop.told.push(features);
  const fails = shop.isBroken && features.includes(`${ID}=treatment`);
  response.writeHead(fails ? 500 : 200, { "content-type": "text/html" }).end("<h1>checkout</h1>");
});
const { url: siteUrl } = await listenOnLoopback(site);

const folder = await mkdtemp(join(tmpdir(), "sluice-first-day-"));
const slack = await startReceiver();
const stack = await makeTestStack({
  edgeVars: {
    UPSTREAM_URL: siteUrl,
    // All visitors come from this machine, many in a second.
    NEW_UNITS_A_MINUTE: "1000000",
  },
  originEnv: {
    EVALUATE_EVERY_MS: "200",
    SLACK_WEBHOOK_URL: `${slack.url}/slack`,
    NOTIFY_ALLOW_HOSTS: "127.0.0.1",
  },
});
afterAll(async () => {
  await stack.stop();
  await slack.stop();
  site.close();
  site.closeAllConnections();
  await rm(folder, { recursive: true, force: true });
});

const sluice = async (...args: readonly string[]) =>
  runCli(args, { SLUICE_URL: stack.origin.url, SLUICE_TOKEN: stack.secrets.adminToken });
/** Its standard output; fails with what it said where it ends with another code. */
const says = async (...args: readonly string[]): Promise<string> => {
  const { code, out, error } = await sluice(...args);
  expect(code, `${args.join(" ")}: ${out}${error}`).toBe(0);
  return out;
};

/** New visitors look at the checkout; returns which cohorts the site was told of. */
const visit = async (visitors: number): Promise<Set<string>> => {
  shop.told = [];
  await Promise.all(
    Array.from({ length: visitors }, async () => {
      const page = await fetch(`${stack.edge.url}/checkout`, {
        headers: {
          "user-agent": BROWSER,
          accept: "text/html",
          "sec-fetch-dest": "document",
          "sec-fetch-mode": "navigate",
        },
      });
      await page.arrayBuffer();
    }),
  );
  return new Set(shop.told.map((told) => /=(\w+)/.exec(told)?.[1] ?? "off"));
};

test(
  "begin, apply a file, see it gated, break it, see it roll back, read why, get the message, open it again, verify",
  { timeout: 120_000 },
  async () => {
    const config = join(folder, "features.yaml");
    await writeFile(config, FILE);

    // Begin: what a site needs, and a first feature in shadow.
    await says("init", "https://shop.example", "--dir", join(folder, "site"), "--yes");
    expect(await readdir(join(folder, "site"))).toContain("wrangler.toml");
    await says("init", "--feature", "feat_first");
    expect(await says("why", "feat_first")).toContain("feat_first (shadow)");

    // Apply a file, and see the page gated.
    expect(await sluice("plan", "-f", config, "--detailed-exitcode")).toMatchObject({ code: 2, error: "" });
    await says("apply", "-f", config, "--yes", "--reason", "the first day");
    expect((await sluice("plan", "-f", config, "--detailed-exitcode")).code).toBe(0);
    await eventually(async () => (await visit(20)).has("treatment"));
    expect(await visit(20)).toEqual(new Set(["treatment", "holdout"]));
    expect(await says("status")).toMatch(/feat_checkout +[A-Z]+ +50 % +50 %/);

    // Break it. A pipeline waits for the verdict while visitors come.
    shop.isBroken = true;
    const verdict = sluice("status", ID, "--wait", "--timeout", "90s");
    const decided = new AbortController();
    void verdict.then(() => decided.abort());
    while (!decided.signal.aborted) {
      await visit(10);
      // As many visitors as come in the demo: what is measured is Sluice and not this machine.
      await sleep(250);
    }
    const { code, out } = await verdict;
    expect(code, out).toBe(3);
    expect(out).toMatch(/^Rolled back: .*error/i);

    // Nobody gets it any more, and everybody can read why.
    await eventually(async () => !(await visit(20)).has("treatment"));
    expect(await says("why", ID)).toMatch(/Rolled back: [\s\S]*error rate/i);
    expect(await says("receipt", ID)).toMatch(
      /was rolled back by sluice at revision \d+[\s\S]*Every edge has it\./,
    );

    // The message in Slack names the feature and the reason.
    await eventually(async () => slack.at("/slack").some(({ body }) => body.includes(ID)), 30_000);
    const message = slack.at("/slack").find(({ body }) => body.includes(ID))?.body ?? "";
    expect(message).toMatch(/rolled back/i);
    expect(message).toMatch(/error/i);

    // Mended. The file does not open what was rolled back; a person does.
    shop.isBroken = false;
    const planned = await sluice("plan", "-f", config);
    expect(planned.out + planned.error).toContain("stays rolled back since");
    await says("apply", "-f", config, "--yes");
    expect(await visit(20)).not.toContain("treatment");
    await says("enable", ID, "--rollout", "50%", "--reason", "mended");
    await eventually(async () => (await visit(20)).has("treatment"));

    // The audit is whole, and names who did what.
    expect(await says("audit", "verify")).toMatch(/^audit is whole: rows 1 to \d+/);
    const { findings } = JSON.parse((await sluice("doctor", "--json")).out) as {
      findings: { check: string; status: string; summary: string }[];
    };
    expect(findings.filter(({ status }) => status === "failing")).toEqual([]);
  },
);
