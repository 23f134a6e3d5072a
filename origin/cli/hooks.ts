// `sluice hooks`: alerting systems that may close features.
import { readFile } from "node:fs/promises";
import { text as textOf } from "node:stream/consumers";
import { defineCommand } from "citty";
import { z } from "zod";
import { askFor, askOrigin, originArgument } from "./ask-origin.ts";
import { UsageError } from "./errors.ts";
import { jsonArgument, printJson, printLine, say, tableText } from "./print.ts";
import { samplePayload } from "./sample-payloads.ts";

const Hook = z.looseObject({
  name: z.string(),
  source: z.string(),
  mode: z.enum(["shadow", "enforce"]),
  featureId: z.string().nullable(),
  tag: z.string().nullable(),
  featureLabel: z.string(),
  allowedFeatures: z.array(z.string()),
  allowedTags: z.array(z.string()),
  version: z.number(),
  refusedAt: z.string().nullable(),
  refusal: z.string().nullable(),
});
type Hook = z.infer<typeof Hook>;
const Alerts = z.array(z.looseObject({ title: z.string(), outcome: z.string(), detail: z.string() }));

const hookPath = (name: string, rest = ""): string => `/hooks/${encodeURIComponent(name)}${rest}`;
const readHook = (origin: string | undefined, name: string) => askFor(origin, { path: hookPath(name) }, Hook);
const atVersion = ({ version }: Hook) => ({ "if-match": `"${version}"` });

const closesText = ({ featureId, tag, allowedFeatures, allowedTags }: Hook): string => {
  if (featureId !== null) return featureId;
  if (tag !== null) return `tag ${tag}`;
  return [...allowedFeatures, ...allowedTags.map((one) => `tag ${one}`)].join(", ");
};

const listOf = (text: string | undefined): string[] =>
  text === undefined ? [] : text.split(",").map((one) => one.trim());

const name = { type: "positional", required: true, description: "the hook's name" } as const;
const common = { json: jsonArgument, origin: originArgument };

const list = defineCommand({
  meta: { name: "list", description: "List hooks: what each may close, and whether its sender gets through" },
  args: common,
  run: async ({ args }) => {
    const { hooks } = await askFor(args.origin, { path: "/hooks" }, z.object({ hooks: z.array(Hook) }));
    if (args.json) return printJson(hooks);
    if (hooks.length === 0) return say("there are no hooks");
    return printLine(
      tableText(
        ["NAME", "SOURCE", "MODE", "CLOSES", "LAST REFUSAL"],
        hooks.map((hook) => [
          hook.name,
          hook.source,
          hook.mode,
          closesText(hook),
          hook.refusedAt === null ? "none" : `${hook.refusedAt.slice(0, 16)}: ${hook.refusal ?? ""}`,
        ]),
      ),
    );
  },
});

const create = defineCommand({
  meta: {
    name: "create",
    description: "Make a hook in shadow, and write its secret to standard output, this once",
  },
  args: {
    name,
    source: {
      type: "string",
      required: true,
      description: "alertmanager, grafana, datadog, pagerduty or generic",
    },
    feature: { type: "string", description: "every alert closes this feature" },
    tag: { type: "string", description: "every alert closes all features with this tag" },
    "allow-feature": { type: "string", description: "an alert's label may name one of these features: a,b" },
    "allow-tag": { type: "string", description: "… or one of these tags, or a feature that has one: a,b" },
    "secret-stdin": {
      type: "boolean",
      default: false,
      description: "read the secret from standard input, where the alerting system has made it",
    },
    ...common,
  },
  run: async ({ args }) => {
    const secret = args["secret-stdin"] ? (await textOf(process.stdin)).trim() : undefined;
    const body = {
      name: args.name,
      source: args.source,
      featureId: args.feature ?? null,
      tag: args.tag ?? null,
      allowedFeatures: listOf(args["allow-feature"]),
      allowedTags: listOf(args["allow-tag"]),
      ...(secret === undefined ? {} : { secret }),
    };
    const created = await askFor(
      args.origin,
      { method: "POST", path: "/hooks", body },
      Hook.extend({ secret: z.string() }),
    );
    if (args.json) return printJson(created);
    say(`${created.name} is in shadow: it records what it would close (${closesText(created)}).`);
    if (secret !== undefined) return;
    say("The secret is shown this once.");
    return printLine(created.secret);
  },
});

const setMode = (mode: "shadow" | "enforce", description: string, done: string) =>
  defineCommand({
    meta: { name: mode, description },
    args: { name, ...common },
    run: async ({ args }) => {
      const headers = atVersion(await readHook(args.origin, args.name));
      const hook = await askFor(
        args.origin,
        { method: "PUT", path: hookPath(args.name), body: { mode }, headers },
        Hook,
      );
      return args.json ? printJson(hook) : say(`${hook.name} ${done} (${closesText(hook)})`);
    },
  });

const readPayload = async (file: string): Promise<unknown> => {
  const text = await readFile(file, "utf8").catch((error: unknown) => {
    throw new UsageError(`--payload ${file} cannot be read`, { cause: error });
  });
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UsageError(`--payload ${file} is not JSON`, { cause: error });
  }
};

const tableOf = (alerts: z.infer<typeof Alerts>): string =>
  tableText(
    ["ALERT", "OUTCOME", "WHAT"],
    alerts.map(({ title, outcome, detail }) => [title === "" ? "?" : title, outcome, detail]),
  );

const test = defineCommand({
  meta: { name: "test", description: "Say what an alert would close; nothing is closed or recorded" },
  args: {
    name,
    feature: { type: "string", description: "the feature that the label of a made-up alert names" },
    payload: { type: "string", valueHint: "FILE", description: "a payload of the alerting system instead" },
    ...common,
  },
  run: async ({ args }) => {
    if (args.payload !== undefined && args.feature !== undefined)
      throw new UsageError("name a --feature or a --payload, and not both");
    const hook = await readHook(args.origin, args.name);
    const body =
      args.payload === undefined
        ? samplePayload(hook, args.feature ?? "", new Date())
        : await readPayload(args.payload);
    const tried = await askFor(
      args.origin,
      { method: "POST", path: hookPath(args.name, "/test"), body },
      z.looseObject({ alerts: Alerts }),
    );
    if (args.json) return printJson(tried);
    printLine(tableOf(tried.alerts));
    if (hook.mode === "shadow") say(`${hook.name} is in shadow: it would record this and close nothing`);
  },
});

const Deliveries = z.object({
  deliveries: z.array(z.looseObject({ at: z.string(), mode: z.string(), alerts: Alerts })),
});

const deliveries = defineCommand({
  meta: { name: "deliveries", description: "List what came last, and what became of it" },
  args: { name, ...common },
  run: async ({ args }) => {
    const page = await askFor(args.origin, { path: hookPath(args.name, "/deliveries?limit=50") }, Deliveries);
    if (args.json) return printJson(page.deliveries);
    if (page.deliveries.length === 0) {
      const { refusal } = await readHook(args.origin, args.name);
      return say(refusal === null ? "nothing came yet" : `nothing got through; the last request: ${refusal}`);
    }
    return printLine(
      tableText(
        ["AT", "MODE", "ALERT", "OUTCOME", "WHAT"],
        page.deliveries.flatMap(({ at, mode, alerts }) =>
          alerts.map(({ title, outcome, detail }) => [
            at.slice(0, 19).replace("T", " "),
            mode,
            title,
            outcome,
            detail,
          ]),
        ),
      ),
    );
  },
});

const remove = defineCommand({
  meta: { name: "delete", description: "Delete a hook and the record of what came" },
  args: { name, origin: originArgument },
  run: async ({ args }) => {
    const headers = atVersion(await readHook(args.origin, args.name));
    await askOrigin(args.origin, { method: "DELETE", path: hookPath(args.name), headers });
    say(`${args.name} is deleted`);
  },
});

export const hooksCommand = defineCommand({
  meta: { name: "hooks", description: "Alerting systems that close features" },
  subCommands: {
    list,
    create,
    enforce: setMode("enforce", "Let a hook's alerts close features", "closes from now on"),
    shadow: setMode("shadow", "Record a hook's alerts, and close nothing", "records from now on"),
    test,
    deliveries,
    delete: remove,
  },
});
