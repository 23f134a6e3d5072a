// `sluice notifications`: who outside is told what happens.
import { text as textOf } from "node:stream/consumers";
import { defineCommand } from "citty";
import { z } from "zod";
import { askFor, askOrigin, originArgument } from "./ask-origin.ts";
import { UsageError } from "./errors.ts";
import { jsonArgument, printJson, printLine, say, tableText } from "./print.ts";

const Target = z.looseObject({
  name: z.string(),
  type: z.string(),
  address: z.string(),
  events: z.array(z.string()).nullable(),
  features: z.array(z.string()).nullable(),
  tags: z.array(z.string()).nullable(),
  enabled: z.boolean(),
  version: z.number(),
  queued: z.number(),
  failingSince: z.string().nullable(),
  lastError: z.string().nullable(),
  lastSuccessAt: z.string().nullable(),
});
type Target = z.infer<typeof Target>;
const Tried = z.object({ delivered: z.boolean(), error: z.string().nullable(), ms: z.number() });

const targetPath = (name: string, rest = ""): string => `/notifications/${encodeURIComponent(name)}${rest}`;

const name = { type: "positional", required: true, description: "the target's name" } as const;
const common = { json: jsonArgument, origin: originArgument };

const minuteOf = (time: string): string => time.slice(0, 16).replace("T", " ");

const stateOf = ({ enabled, failingSince, lastSuccessAt, lastError }: Target): string => {
  const why = lastError === null ? "" : `: ${lastError}`;
  if (!enabled) return `disabled${why}`;
  if (failingSince !== null) return `failing since ${minuteOf(failingSince)}${why}`;
  return lastSuccessAt === null ? "nothing sent yet" : `sent ${minuteOf(lastSuccessAt)}`;
};

const chosenText = ({ events, features, tags }: Target): string => {
  const about = [...(features ?? []), ...(tags ?? []).map((tag) => `tag ${tag}`)];
  const what = events === null ? "everything" : events.join(", ");
  return about.length === 0 ? what : `${what} of ${about.join(", ")}`;
};

const list = defineCommand({
  meta: {
    name: "list",
    description: "List targets: what each is told, and whether its messages get through",
  },
  args: common,
  run: async ({ args }) => {
    const { targets } = await askFor(
      args.origin,
      { path: "/notifications" },
      z.object({ targets: z.array(Target) }),
    );
    if (args.json) return printJson(targets);
    if (targets.length === 0) return say("there are no notification targets");
    return printLine(
      tableText(
        ["NAME", "TYPE", "ADDRESS", "WAITING", "STATE", "TOLD OF"],
        targets.map((target) => [
          target.name,
          target.type,
          target.address,
          String(target.queued),
          stateOf(target),
          chosenText(target),
        ]),
      ),
    );
  },
});

/** "a,b" as a list; null where nothing is chosen. */
const listOf = (text: string | undefined): string[] | null =>
  text === undefined ? null : text.split(",").map((one) => one.trim());

const addressOf = async (args: {
  type: string;
  url?: string | undefined;
  to?: string | undefined;
  "url-stdin": boolean;
}) => {
  if (args.type === "email") {
    if (args.to === undefined)
      throw new UsageError("--to names who gets the e-mail: a@example.com,b@example.com");
    return { to: listOf(args.to) };
  }
  if (args["url-stdin"]) return { url: (await textOf(process.stdin)).trim() };
  if (args.url === undefined) throw new UsageError("give the address with --url or --url-stdin");
  return { url: args.url };
};

const add = defineCommand({
  meta: {
    name: "add",
    description: "Add a target. The secret of a webhook goes to standard output, this once",
  },
  args: {
    name,
    type: { type: "string", required: true, description: "slack, webhook or email" },
    url: {
      type: "string",
      valueHint: "URL",
      description: "of Slack's incoming webhook, or of a webhook of your own",
    },
    "url-stdin": {
      type: "boolean",
      default: false,
      description: "read the URL from standard input: that of Slack is a secret",
    },
    to: { type: "string", description: "who gets the e-mail: a,b" },
    event: { type: "string", description: "only these events: a,b; else all" },
    feature: { type: "string", description: "only news of these features: a,b" },
    tag: { type: "string", description: "… and of features with one of these tags: a,b" },
    ...common,
  },
  run: async ({ args }) => {
    const body = {
      name: args.name,
      type: args.type,
      ...(await addressOf(args)),
      events: listOf(args.event),
      features: listOf(args.feature),
      tags: listOf(args.tag),
    };
    const made = await askFor(
      args.origin,
      { method: "POST", path: "/notifications", body },
      Target.extend({ secret: z.string().nullable() }),
    );
    if (args.json) return printJson(made);
    say(`${made.name} is told of ${chosenText(made)}. Try it: npx sluice notifications test ${made.name}`);
    if (made.secret === null) return;
    say("The secret that signs its messages is shown this once.");
    return printLine(made.secret);
  },
});

const test = defineCommand({
  meta: { name: "test", description: "Send a test message; exit code 1 if it is not taken" },
  args: { name, ...common },
  run: async ({ args }) => {
    const tried = await askFor(args.origin, { method: "POST", path: targetPath(args.name, "/test") }, Tried);
    if (!tried.delivered) process.exitCode = 1;
    if (args.json) return printJson(tried);
    return printLine(
      tried.delivered
        ? `${args.name} took the message within ${tried.ms} ms`
        : `${args.name} did not take the message: ${tried.error ?? "for no known reason"}`,
    );
  },
});

const remove = defineCommand({
  meta: { name: "remove", description: "Remove a target; what waits for it is not told any more" },
  args: { name, origin: originArgument },
  run: async ({ args }) => {
    const { version } = await askFor(args.origin, { path: targetPath(args.name) }, Target);
    await askOrigin(args.origin, {
      method: "DELETE",
      path: targetPath(args.name),
      headers: { "if-match": `"${version}"` },
    });
    say(`${args.name} is removed`);
  },
});

export const notificationsCommand = defineCommand({
  meta: { name: "notifications", description: "Tell Slack, a webhook or a mailbox what happens" },
  subCommands: { list, add, test, remove },
});
