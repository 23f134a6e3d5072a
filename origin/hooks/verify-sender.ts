// Whether a request to a hook comes from who has its secret. Pure: keys, headers, body and the time are arguments. Every
// comparison takes the same time wherever the texts differ.
import { createHmac, hash, timingSafeEqual } from "node:crypto";
import { err, ok, type Result } from "../../shared/result.ts";
import type { Hook } from "./hook.ts";

export type SenderRefusal = "missing" | "wrong" | "old";

export type SignedRequest = {
  /** By names in small letters. */
  readonly header: (name: string) => string | undefined;
  readonly body: Uint8Array;
};

type Kind = Pick<Hook, "source" | "authentication">;

/** As far as a sender's clock may be from ours; what is older may be a replay (Standard Webhooks). */
const WINDOW_SECONDS = 300;

const digestOf = (text: string | Uint8Array): Buffer => hash("sha256", text, "buffer");
const same = (a: Uint8Array, b: Uint8Array): boolean => timingSafeEqual(digestOf(a), digestOf(b));

const STANDARD_PREFIX = "whsec_";

/** What the database keeps of a secret: enough to verify, and where the sender shows the secret, no more than its digest. */
export const storedSecret = ({ source, authentication }: Kind, secret: string): Buffer => {
  if (authentication === "secret") return digestOf(secret);
  return source === "generic"
    ? Buffer.from(secret.slice(STANDARD_PREFIX.length), "base64")
    : Buffer.from(secret);
};

/** `Authorization: Bearer SECRET`, or Basic with the secret as password and any user. */
const shownSecret = (authorization: string | undefined): string | null => {
  const [, scheme = "", given = ""] = /^(Bearer|Basic) +(\S+) *$/i.exec(authorization ?? "") ?? [];
  if (given === "") return null;
  if (scheme.toLowerCase() === "bearer") return given;
  const pair = Buffer.from(given, "base64").toString();
  const colon = pair.indexOf(":");
  return colon < 0 ? null : pair.slice(colon + 1);
};

const isSignedBy = (keys: readonly Uint8Array[], signed: readonly (string | Uint8Array)[], given: Buffer) =>
  keys.some((key) => {
    const mac = createHmac("sha256", key);
    for (const part of signed) mac.update(part);
    return same(mac.digest(), given);
  });

/** Unix seconds; milliseconds are taken too. */
const secondsOf = (text: string): number => {
  const time = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  return time > 1e11 ? time / 1_000 : time;
};
const isNow = (text: string, nowS: number): boolean => Math.abs(secondsOf(text) - nowS) <= WINDOW_SECONDS;

type Verdict = Result<undefined, SenderRefusal>;
const verdictOf = (isGood: boolean): Verdict => (isGood ? ok(undefined) : err("wrong"));

const verifyShown = ({ header }: SignedRequest, digests: readonly Uint8Array[]): Verdict => {
  const given = shownSecret(header("authorization"));
  if (given === null) return err("missing");
  const digest = digestOf(given);
  return verdictOf(digests.some((known) => same(known, digest)));
};

/** https://www.standardwebhooks.com: `v1,BASE64` of "id.timestamp.body", several with spaces between. */
const verifyStandard = (
  { header, body }: SignedRequest,
  keys: readonly Uint8Array[],
  nowS: number,
): Verdict => {
  const id = header("webhook-id");
  const timestamp = header("webhook-timestamp");
  const signatures = header("webhook-signature");
  if (id === undefined || timestamp === undefined || signatures === undefined) return err("missing");
  const isGood = signatures
    .split(" ")
    .slice(0, 10)
    .filter((one) => one.startsWith("v1,"))
    .some((one) => isSignedBy(keys, [`${id}.${timestamp}.`, body], Buffer.from(one.slice(3), "base64")));
  if (!isGood) return err("wrong");
  return isNow(timestamp, nowS) ? ok(undefined) : err("old");
};

/** `v1=HEX` of the body, several with commas between while a secret is replaced. It has no time. */
const verifyPagerDuty = ({ header, body }: SignedRequest, keys: readonly Uint8Array[]): Verdict => {
  const signatures = header("x-pagerduty-signature");
  if (signatures === undefined) return err("missing");
  return verdictOf(
    signatures
      .split(",")
      .slice(0, 10)
      .map((one) => one.trim())
      .filter((one) => one.startsWith("v1="))
      .some((one) => isSignedBy(keys, [body], Buffer.from(one.slice(3), "hex"))),
  );
};

/** Hex of "timestamp:body". Without a timestamp header Grafana signs the body alone, and then nothing tells a replay. */
const verifyGrafana = (
  { header, body }: SignedRequest,
  keys: readonly Uint8Array[],
  nowS: number,
): Verdict => {
  const given = header("x-grafana-alerting-signature");
  const timestamp = header("x-grafana-alerting-timestamp");
  if (given === undefined || timestamp === undefined) return err("missing");
  if (!isSignedBy(keys, [`${timestamp}:`, body], Buffer.from(given, "hex"))) return err("wrong");
  return isNow(timestamp, nowS) ? ok(undefined) : err("old");
};

/** `secrets`: as `storedSecret` made them; the present one and, for a while, the one before. */
export const verifySender = (
  { source, authentication }: Kind,
  secrets: readonly Uint8Array[],
  request: SignedRequest,
  nowS: number,
): Verdict => {
  if (authentication === "secret") return verifyShown(request, secrets);
  if (source === "pagerduty") return verifyPagerDuty(request, secrets);
  return source === "grafana"
    ? verifyGrafana(request, secrets, nowS)
    : verifyStandard(request, secrets, nowS);
};

/** What was missing or wrong, for whoever sets the sender up. */
export const refusalText = ({ source, authentication }: Kind, refusal: SenderRefusal): string => {
  if (refusal === "old")
    return `it was signed more than ${WINDOW_SECONDS / 60} minutes ago or ahead: a replay, or a clock that is wrong`;
  if (authentication === "secret")
    return refusal === "missing"
      ? "it has no Authorization header with the hook's secret as Bearer token or Basic password"
      : "the secret in its Authorization header is not the hook's";
  if (refusal === "wrong") return "its signature was not made with the hook's secret over this body";
  const headers = {
    pagerduty: "X-PagerDuty-Signature",
    grafana: "X-Grafana-Alerting-Signature and X-Grafana-Alerting-Timestamp",
    generic: "webhook-id, webhook-timestamp and webhook-signature",
    alertmanager: "",
    datadog: "",
  }[source];
  return `it lacks the headers of a signature: ${headers}`;
};
