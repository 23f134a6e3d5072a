// `sluice init`: what a new site needs. With the site's address it writes the Worker's configuration and the secrets; without
// it makes the first feature at a running origin, such as that of `npm start`, with a rule in shadow.
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { defineCommand } from "citty";
import { z } from "zod";
import { bpsArgument, featureIdArgument } from "./arguments.ts";
import { askFor, askOrigin, featurePath, originArgument } from "./ask-origin.ts";
import { root } from "../runtime/place.ts";
import { ProblemError, UsageError } from "./errors.ts";
import { featureBody, ruleBody, type FirstFeature } from "./init/first-feature.ts";
import { canAsk, withQuestions, type Ask } from "./init/questions.ts";
import { mainOf, siteFiles, type Site } from "./init/site-files.ts";
import { refuseToOverwrite, writeSiteFiles } from "./init/write-files.ts";
import { jsonArgument, printJson, printLine, say } from "./print.ts";

const posix = (path: string): string => path.replaceAll(sep, "/");

/** For a POSIX shell and for cmd.exe, as long as nobody quotes a quote. */
const shellWord = (path: string): string => (/^[\w@%+=:,./\\-]+$/.test(path) ? path : `'${path}'`);

const webAddress = (text: string, name: string): string => {
  const withScheme = /^https?:\/\//.test(text) ? text : `https://${text}`;
  if (!URL.canParse(withScheme))
    throw new UsageError(`${name} must be an address such as https://shop.example`);
  const { origin, pathname, search, username } = new URL(withScheme);
  if (pathname !== "/" || search !== "" || username !== "")
    throw new UsageError(`${name} must be an address without a path, such as https://shop.example`);
  return origin;
};

const activationArgument = (text: string): FirstFeature["activation"] => {
  if (text === "") return null;
  const [, method = "POST", path] = /^(?:([A-Z]+)\s+)?(\/\S*)$/.exec(text) ?? [];
  if (path === undefined) throw new UsageError('--activation must be a request such as "POST /orders"');
  return { path, method };
};

type SiteAnswers = { readonly site: string } & Readonly<
  Partial<Record<"zone" | "upstream" | "origin-url" | "kv", string | undefined>>
>;

const readSite = async (given: SiteAnswers, ask: Ask): Promise<Site> => {
  const url = webAddress(given.site, "SITE");
  const { hostname } = new URL(url);
  const zone = given.zone ?? (await ask("Its zone at Cloudflare", hostname.replace(/^www\./, "")));
  if (hostname !== zone && !hostname.endsWith(`.${zone}`))
    throw new UsageError(`--zone must be a domain that ${hostname} is in`);
  const upstream =
    given.upstream ??
    (await ask("The site's own server, if it is under another name (empty: behind the zone)", ""));
  const upstreamUrl = upstream === "" ? null : webAddress(upstream, "--upstream");
  if (upstreamUrl !== null && new URL(upstreamUrl).hostname === hostname)
    throw new UsageError("--upstream must not be the site's own address: the Worker would ask itself");
  const originUrl = webAddress(
    given["origin-url"] ?? (await ask("Where the Worker reaches the origin", `https://sluice.${zone}`)),
    "--origin-url",
  );
  return { url, zone, upstreamUrl, originUrl, kvNamespaceId: given.kv ?? null };
};

const writeSite = async (site: Site, folder: string, dryRun: boolean) => {
  const template = await readFile(join(root, "wrangler.toml"), "utf8");
  const files = siteFiles(site, {
    template,
    main: posix(relative(folder, join(root, mainOf(template)))),
    newSecret: () => randomBytes(32).toString("base64url"),
  });
  await refuseToOverwrite(folder, files);
  if (!dryRun) await writeSiteFiles(folder, files);
  const at = (name: string): string => shellWord(join(folder, name));
  return {
    files: files.map(({ name, isSecret, text }) => ({ path: join(folder, name), isSecret, text })),
    next: [
      `npx sluice edge deploy --config ${at("wrangler.toml")}`,
      `npx sluice origin --variables ${at("origin.env")}`,
    ],
  };
};

const Made = z.looseObject({ featureId: z.string() });

/** Whether it was made; one that is there is left as it is. */
const makeFeature = async (origin: string | undefined, feature: FirstFeature): Promise<boolean> => {
  try {
    await askFor(origin, { method: "POST", path: "/features", body: featureBody(feature) }, Made);
  } catch (error) {
    if (error instanceof ProblemError && error.status === 409) return false;
    throw error;
  }
  const path = featurePath(feature.featureId, "/rule");
  await askOrigin(origin, { method: "PUT", path, body: ruleBody(feature) });
  return true;
};

const offered: Ask = (_, fallback) => Promise.resolve(fallback);

export const initCommand = defineCommand({
  meta: {
    name: "init",
    description: "Write what a new site needs, or make the first feature of one that runs",
  },
  args: {
    site: {
      type: "positional",
      required: false,
      description: "the site's address, such as https://shop.example; without it the first feature is made",
    },
    zone: { type: "string", description: "its zone at Cloudflare; else its address without www" },
    upstream: {
      type: "string",
      valueHint: "URL",
      description: "the site's own server, if it is under another name",
    },
    "origin-url": {
      type: "string",
      valueHint: "URL",
      description: "where the Worker reaches the origin; else https://sluice.ZONE",
    },
    kv: {
      type: "string",
      valueHint: "ID",
      description: "a KV namespace; else the first deployment makes one",
    },
    dir: { type: "string", description: "the folder to write; else sites/HOST" },
    feature: { type: "string", valueHint: "ID", description: "the first feature (default: feat_first)" },
    path: { type: "string", description: "the pages that it concerns, such as /products/*; else all" },
    activation: {
      type: "string",
      valueHint: "REQUEST",
      description: 'how a visitor acts on it, such as "POST /orders"',
    },
    rollout: { type: "string", default: "10%", description: "who gets it once it is open" },
    holdout: { type: "string", default: "10%", description: "who is kept without it, to compare with" },
    "dry-run": {
      type: "boolean",
      default: false,
      description: "write and make nothing, and say what would be",
    },
    yes: { type: "boolean", default: false, description: "ask nothing" },
    json: jsonArgument,
    origin: originArgument,
  },
  run: async ({ args }) => {
    const dryRun = args["dry-run"];
    const interview = <T>(work: (ask: Ask) => Promise<T>): Promise<T> =>
      canAsk() && !args.yes ? withQuestions(work) : work(offered);

    if (args.site !== undefined) {
      const given = { ...args, site: args.site };
      const site = await interview((ask) => readSite(given, ask));
      const folder = args.dir ?? join("sites", new URL(site.url).hostname);
      const { files, next } = await writeSite(site, folder, dryRun);
      if (args.json)
        return printJson({
          dryRun,
          // A secret is in its file alone.
          files: files.map(({ path, isSecret, text }) =>
            isSecret ? { path, isSecret } : { path, isSecret, text },
          ),
          next,
        });
      for (const { path, isSecret, text } of files) {
        say(
          `${dryRun ? "would write" : "wrote"} ${path}${isSecret ? " (secrets; yours alone, not for git)" : ""}`,
        );
        if (dryRun && !isSecret) say(text.replaceAll(/^/gm, "    "));
      }
      say("Next:");
      return printLine(next.join("\n"));
    }

    const feature = await interview(async (ask): Promise<FirstFeature> => {
      const id = args.feature ?? (await ask("The first feature's id", "feat_first"));
      const path =
        args.path ?? (await ask("The pages that it concerns, such as /products/* (empty: all)", ""));
      const activation =
        args.activation ??
        (await ask('How a visitor acts on it, such as "POST /orders" (empty: not watched)', ""));
      return {
        featureId: featureIdArgument(id),
        paths: path
          .split(",")
          .map((one) => one.trim())
          .filter((one) => one !== ""),
        activation: activationArgument(activation),
        rolloutBps: bpsArgument(args.rollout, "rollout"),
        holdoutBps: bpsArgument(args.holdout, "holdout"),
      };
    });
    const { featureId } = feature;
    const made = dryRun ? false : await makeFeature(args.origin, feature);
    const next = [
      `npx sluice enable ${featureId} --reason "a first try"`,
      `npx sluice why ${featureId}`,
      "npx sluice doctor",
    ];
    if (args.json)
      return printJson({ dryRun, made, feature: featureBody(feature), rule: ruleBody(feature), next });
    say(
      dryRun
        ? `would make ${featureId} with a rule in shadow:\n${JSON.stringify({ ...featureBody(feature), rule: ruleBody(feature) }, null, 2)}`
        : made
          ? `made ${featureId}, closed, with a rule in shadow: it decides and records, and closes nothing`
          : `${featureId} is there already, and is left as it is`,
    );
    say("Next:");
    return printLine(next.join("\n"));
  },
});
