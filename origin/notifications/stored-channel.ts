// A target's channel as its row has it. Addresses and signing secrets are encrypted where there are keys; beside them stands the
// address as it may be shown, in the form that an origin of before can read. The column `type` is another one then, so that such
// an origin sends nothing to it.
import { z } from "zod";
import { err, ok, type Result } from "../../shared/result.ts";
import { keyOfStored, type StoredSecrets } from "../runtime/stored-secrets.ts";
import { Channel, shownAddress } from "./target.ts";

/** What is stored in `type` and `config`. */
export type StoredChannel = { readonly type: string; readonly config: string };

export type ReadChannel = {
  readonly type: Channel["type"];
  /** Without secrets. */
  readonly address: string;
  /** An error: why it cannot be decrypted. */
  readonly channel: Result<Channel, string>;
};

const ENCRYPTED = "encrypted-";
/** Of the column `type`, for what a process can send to. */
export const storedTypes = (types: readonly string[]): string[] => [
  ...types,
  ...types.map((type) => `${ENCRYPTED}${type}`),
];

const Encrypted = z.object({
  type: z.enum(["slack", "webhook"]),
  url: z.string(),
  encrypted: z.base64(),
});

export const rowOfTarget = (name: string): string => `the notification target ${name}`;

const shownHost = (url: string): string => (URL.canParse(url) ? `${new URL(url).origin}/…` : "…");

/** Nobody but their readers may know the addresses of Slack and webhooks; a mailbox is no secret. */
export const storedChannel = (secrets: StoredSecrets, name: string, channel: Channel): StoredChannel => {
  if (channel.type === "email" || !secrets.encrypts)
    return { type: channel.type, config: JSON.stringify(channel) };
  const encrypted = secrets
    .toStore(Buffer.from(JSON.stringify(channel)), rowOfTarget(name))
    .toString("base64");
  // An origin of before expects a secret of a webhook. It signs nothing with it. Paths of webhooks may be secret, too.
  const shown = { type: channel.type, url: shownHost(channel.url), secret: "" };
  return { type: `${ENCRYPTED}${channel.type}`, config: JSON.stringify({ ...shown, encrypted }) };
};

export const readChannel = (secrets: StoredSecrets, name: string, config: unknown): ReadChannel => {
  const encrypted = Encrypted.safeParse(config);
  if (!encrypted.success) {
    const channel = Channel.parse(config);
    return { type: channel.type, address: shownAddress(channel), channel: ok(channel) };
  }
  const { type, url: address } = encrypted.data;
  const text = secrets.read(Buffer.from(encrypted.data.encrypted, "base64"), rowOfTarget(name));
  if (!text.ok) return { type, address, channel: err(text.error) };
  return { type, address, channel: ok(Channel.parse(JSON.parse(text.value.toString()))) };
};

const encryptedOf = (config: unknown): Buffer | null => {
  const encrypted = Encrypted.safeParse(config);
  return encrypted.success ? Buffer.from(encrypted.data.encrypted, "base64") : null;
};

/** The name of the key that it is encrypted with; null: it is in plain text. */
export const keyOfChannel = (config: unknown): string | null => {
  const encrypted = encryptedOf(config);
  return encrypted === null ? null : keyOfStored(encrypted);
};

/** Whether `storedChannel` would store it so today. */
export const isCurrentChannel = (secrets: StoredSecrets, config: unknown): boolean => {
  const encrypted = encryptedOf(config);
  return encrypted === null ? !secrets.encrypts : secrets.isCurrent(encrypted);
};
