// Who sent a request to a hook: each alerting system's way, and what is refused.
import { createHmac } from "node:crypto";
import { Webhook } from "standardwebhooks";
import { describe, expect, test } from "vitest";
import type { Hook } from "../../../origin/hooks/hook.ts";
import { newSecret } from "../../../origin/hooks/new-secret.ts";
import { storedSecret, verifySender } from "../../../origin/hooks/verify-sender.ts";

const NOW = 1_800_000_000;
const BODY = '{"alerts":[{"labels":{"alertname":"Fehler in der Kasse ✗"}}]}';

type Kind = Pick<Hook, "source" | "authentication">;
const verify = (
  kind: Kind,
  secrets: readonly string[],
  headers: Readonly<Record<string, string>>,
  { body = BODY, nowS = NOW } = {},
) => {
  const verdict = verifySender(
    kind,
    secrets.map((secret) => storedSecret(kind, secret)),
    { header: (name) => headers[name], body: Buffer.from(body) },
    nowS,
  );
  return verdict.ok ? "good" : verdict.error;
};

const SECRET = newSecret("alertmanager");
const hmac = (secret: string, text: string, encoding: "hex" | "base64" = "hex") =>
  createHmac("sha256", secret).update(text).digest(encoding);

describe("a secret that is shown", () => {
  const kind = { source: "alertmanager", authentication: "secret" } as const;
  const basic = (text: string) => ({ authorization: `Basic ${Buffer.from(text).toString("base64")}` });

  test("counts as Bearer token and as password of any user", () => {
    expect(verify(kind, [SECRET], { authorization: `Bearer ${SECRET}` })).toBe("good");
    expect(verify(kind, [SECRET], { authorization: `bearer  ${SECRET} ` })).toBe("good");
    expect(verify(kind, [SECRET], basic(`alertmanager:${SECRET}`))).toBe("good");
    expect(verify(kind, [SECRET], basic(`:${SECRET}`))).toBe("good");
    expect(verify(kind, ["pass:with:colons:in:it"], basic("u:pass:with:colons:in:it"))).toBe("good");
  });

  test.each([
    [{}, "missing"],
    [{ authorization: "" }, "missing"],
    [{ authorization: SECRET }, "missing"],
    [{ authorization: `Digest ${SECRET}` }, "missing"],
    [basic(SECRET), "missing"],
    [{ authorization: `Bearer ${SECRET}x` }, "wrong"],
    [{ authorization: `Bearer ${SECRET.slice(0, -1)}` }, "wrong"],
    [basic(`${SECRET}:`), "wrong"],
  ])("%j is refused as %s", (headers, refusal) => {
    expect(verify(kind, [SECRET], headers)).toBe(refusal);
  });

  test("is not kept: the database has its digest", () => {
    expect(storedSecret(kind, SECRET).toString()).not.toContain(SECRET);
    expect(storedSecret(kind, SECRET)).toHaveLength(32);
  });
});

describe("Standard Webhooks", () => {
  const kind = { source: "generic", authentication: "signature" } as const;
  const secret = newSecret("generic");
  /** By the reference implementation. */
  const sign = (body = BODY, key = secret, atS = NOW) => ({
    "webhook-id": "msg_1",
    "webhook-timestamp": String(atS),
    "webhook-signature": new Webhook(key).sign("msg_1", new Date(atS * 1_000), body),
  });

  test("a signature of the reference implementation is good, for five minutes", () => {
    expect(verify(kind, [secret], sign())).toBe("good");
    expect(verify(kind, [secret], sign(), { nowS: NOW + 300 })).toBe("good");
    expect(verify(kind, [secret], sign(), { nowS: NOW + 301 })).toBe("old");
    expect(verify(kind, [secret], sign(), { nowS: NOW - 301 })).toBe("old");
  });

  test("one of several signatures is enough, and one of two secrets", () => {
    const good = sign();
    const other = sign(BODY, newSecret("generic"));
    const both = `${other["webhook-signature"]} v1a,AAAA ${good["webhook-signature"]}`;
    expect(verify(kind, [secret], { ...good, "webhook-signature": both })).toBe("good");
    expect(verify(kind, [newSecret("generic"), secret], good)).toBe("good");
  });

  test("another body, id, time or key is refused", () => {
    expect(verify(kind, [secret], sign(), { body: `${BODY} ` })).toBe("wrong");
    expect(verify(kind, [secret], { ...sign(), "webhook-id": "msg_2" })).toBe("wrong");
    expect(verify(kind, [secret], { ...sign(), "webhook-timestamp": String(NOW + 1) })).toBe("wrong");
    expect(verify(kind, [newSecret("generic")], sign())).toBe("wrong");
    expect(verify(kind, [secret], { ...sign(), "webhook-signature": "v1," })).toBe("wrong");
    expect(verify(kind, [secret], {})).toBe("missing");
    expect(verify(kind, [secret], { authorization: `Bearer ${secret}` })).toBe("missing");
  });
});

describe("PagerDuty", () => {
  const kind = { source: "pagerduty", authentication: "signature" } as const;

  test("signs the body; while a secret is replaced the header has two signatures", () => {
    expect(verify(kind, [SECRET], { "x-pagerduty-signature": `v1=${hmac(SECRET, BODY)}` })).toBe("good");
    const two = `v1=${hmac("another", BODY)},v1=${hmac(SECRET, BODY)}`;
    expect(verify(kind, [SECRET], { "x-pagerduty-signature": two })).toBe("good");
  });

  test("all else is refused", () => {
    for (const given of [
      hmac(SECRET, BODY),
      `v2=${hmac(SECRET, BODY)}`,
      `v1=${hmac(SECRET, `${BODY} `)}`,
      "v1=",
      "",
    ])
      expect(verify(kind, [SECRET], { "x-pagerduty-signature": given })).toBe("wrong");
    expect(verify(kind, [SECRET], {})).toBe("missing");
  });
});

describe("Grafana", () => {
  const kind = { source: "grafana", authentication: "signature" } as const;
  const sign = (atS: number | string) => ({
    "x-grafana-alerting-signature": hmac(SECRET, `${atS}:${BODY}`),
    "x-grafana-alerting-timestamp": String(atS),
  });

  test("signs time and body, good for five minutes", () => {
    expect(verify(kind, [SECRET], sign(NOW))).toBe("good");
    expect(verify(kind, [SECRET], sign(NOW * 1_000))).toBe("good");
    expect(verify(kind, [SECRET], sign(NOW - 301))).toBe("old");
    for (const time of ["soon", "", "-1", "1e9"]) expect(verify(kind, [SECRET], sign(time))).toBe("old");
  });

  test("a signature of the body alone is refused: it could be replayed for ever", () => {
    expect(verify(kind, [SECRET], { "x-grafana-alerting-signature": hmac(SECRET, BODY) })).toBe("missing");
    expect(verify(kind, [SECRET], { ...sign(NOW), "x-grafana-alerting-timestamp": String(NOW + 1) })).toBe(
      "wrong",
    );
    expect(verify(kind, [SECRET], { ...sign(NOW), "x-grafana-alerting-signature": "not hex" })).toBe("wrong");
  });
});
