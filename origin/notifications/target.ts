// A place outside that is told news, as it is stored.
import { z } from "zod";

const Slack = z.object({ type: z.literal("slack"), url: z.string() });
const Webhook = z.object({
  type: z.literal("webhook"),
  url: z.string(),
  /** `whsec_…`; the first signs first. */
  secret: z.string(),
  /** Signs beside it until then, so that a receiver can change over. */
  previous: z.object({ secret: z.string(), until: z.coerce.date() }).nullable().default(null),
});
const Email = z.object({ type: z.literal("email"), to: z.array(z.string()) });

/** Where and how a target is told. It holds secrets. */
export const Channel = z.discriminatedUnion("type", [Slack, Webhook, Email]);
export type Channel = z.infer<typeof Channel>;
export type SlackChannel = z.infer<typeof Slack>;
export type WebhookChannel = z.infer<typeof Webhook>;
export type EmailChannel = z.infer<typeof Email>;

/** What a target is told of. null: everything. */
export type Choice = {
  readonly events: readonly string[] | null;
  /** With both features and tags, either is enough. News about no feature is told whatever they are. */
  readonly features: readonly string[] | null;
  readonly tags: readonly string[] | null;
};

const hidden = "…";

/** The address without what only its holders may know: credentials, a query's values, a Slack URL's token. */
export const shownAddress = (channel: Channel): string => {
  if (channel.type === "email") return channel.to.join(", ");
  if (!URL.canParse(channel.url)) return hidden;
  const url = new URL(channel.url);
  if (channel.type === "slack") return `${url.origin}/${hidden}`;
  return `${url.origin}${url.pathname}${url.search === "" ? "" : `?${hidden}`}`;
};

/** The texts that must not be shown or logged. */
const secretsOf = (channel: Channel): string[] => {
  if (channel.type === "email") return [];
  const url = URL.canParse(channel.url) ? new URL(channel.url) : null;
  const ofUrl = [channel.url, url?.search.slice(1) ?? "", url?.password ?? "", url?.username ?? ""];
  const path = channel.type === "slack" ? [url?.pathname ?? "", url?.pathname.split("/").at(-1) ?? ""] : [];
  const keys = channel.type === "webhook" ? [channel.secret, channel.previous?.secret ?? ""] : [];
  return [...ofUrl, ...path, ...keys].filter((text) => text.length > 3);
};

const LONGEST_ERROR = 300;

/** What went wrong, fit to be shown: a receiver may answer with the address that it was asked at. */
export const shownError = (error: string, channel: Channel): string =>
  secretsOf(channel)
    .toSorted((one, other) => other.length - one.length)
    .reduce((text, secret) => text.replaceAll(secret, hidden), error)
    // oxlint-disable-next-line no-control-regex -- control characters are what this removes
    .replaceAll(/[\u0000-\u001f\u007f]+/g, " ")
    .toWellFormed()
    .slice(0, LONGEST_ERROR);
