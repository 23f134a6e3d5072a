// `sluice tokens`: make, list and revoke API tokens.
import { defineCommand } from "citty";
import { z } from "zod";
import { durationArgument } from "./arguments.ts";
import { askFor, askOrigin, originArgument } from "./ask-origin.ts";
import { jsonArgument, printJson, printLine, say, tableText } from "./print.ts";

const Token = z.looseObject({
  tokenId: z.string(),
  name: z.string(),
  scope: z.string(),
  tags: z.array(z.string()).nullable(),
  expiresAt: z.string().nullable(),
  lastUsedAt: z.string().nullable(),
  revokedAt: z.string().nullable(),
});
type Token = z.infer<typeof Token>;
const Page = z.object({ tokens: z.array(Token), next: z.string().nullable() });

const create = defineCommand({
  meta: { name: "create", description: "Make a token and write it to standard output, this once" },
  args: {
    name: { type: "positional", required: true, description: "who or what holds it" },
    scope: { type: "string", required: true, description: "viewer, editor, admin or ingest" },
    tag: { type: "string", description: "it may change features with one of these tags only: a,b" },
    expires: { type: "string", description: "from now on, such as 90d; else it does not expire" },
    json: jsonArgument,
    origin: originArgument,
  },
  run: async ({ args }) => {
    const body = {
      name: args.name,
      scope: args.scope,
      ...(args.tag === undefined ? {} : { tags: args.tag.split(",").map((tag) => tag.trim()) }),
      ...(args.expires === undefined
        ? {}
        : {
            expiresAt: new Date(Date.now() + durationArgument(args.expires, "expires") * 1_000).toISOString(),
          }),
    };
    const created = await askFor(
      args.origin,
      { method: "POST", path: "/tokens", body },
      Token.extend({ secret: z.string() }),
    );
    if (args.json) return printJson(created);
    say(`${created.tokenId}, scope ${created.scope}. It is shown this once.`);
    return printLine(created.secret);
  },
});

const dayOf = (time: string | null, none: string): string => time?.slice(0, 16).replace("T", " ") ?? none;
const stateOf = ({ revokedAt, expiresAt }: Token): string => {
  if (revokedAt !== null) return "revoked";
  return expiresAt !== null && Date.parse(expiresAt) < Date.now() ? "expired" : "good";
};

const list = defineCommand({
  meta: { name: "list", description: "List tokens, revoked ones too" },
  args: { json: jsonArgument, origin: originArgument },
  run: async ({ args }) => {
    const tokens: Token[] = [];
    for (let after: string | null = ""; after !== null;) {
      const query = after === "" ? "" : `?after=${encodeURIComponent(after)}`;
      const page: z.infer<typeof Page> = await askFor(args.origin, { path: `/tokens${query}` }, Page);
      tokens.push(...page.tokens);
      after = page.next;
    }
    if (args.json) return printJson(tokens);
    if (tokens.length === 0) return say("there are no tokens");
    return printLine(
      tableText(
        ["ID", "NAME", "SCOPE", "TAGS", "STATE", "LAST USED", "EXPIRES"],
        tokens.map((token) => [
          token.tokenId,
          token.name,
          token.scope,
          token.tags?.join(",") ?? "any",
          stateOf(token),
          dayOf(token.lastUsedAt, "never"),
          dayOf(token.expiresAt, "never"),
        ]),
      ),
    );
  },
});

const revoke = defineCommand({
  meta: { name: "revoke", description: "Revoke a token" },
  args: {
    id: { type: "positional", required: true, description: "the token's id, as `tokens list` shows it" },
    origin: originArgument,
  },
  run: async ({ args }) => {
    await askOrigin(args.origin, { method: "DELETE", path: `/tokens/${encodeURIComponent(args.id)}` });
    say(`${args.id} is revoked`);
  },
});

export const tokensCommand = defineCommand({
  meta: { name: "tokens", description: "Make, list and revoke API tokens" },
  subCommands: { create, list, revoke },
});
