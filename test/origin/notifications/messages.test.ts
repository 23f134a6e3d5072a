// What messages say, and that names and reasons are text in them.
import { createHmac } from "node:crypto";
import { Webhook } from "standardwebhooks";
import { describe, expect, test } from "vitest";
import type { News } from "../../../origin/notifications/announcement.ts";
import { outcomeOfAnswer, retryAfterMs } from "../../../origin/notifications/channels/outcome.ts";
import { emailMessage } from "../../../origin/notifications/messages/email-message.ts";
import { slackMarkdown } from "../../../origin/notifications/messages/markdown.ts";
import { messageOf } from "../../../origin/notifications/messages/message.ts";
import { slackMessage } from "../../../origin/notifications/messages/slack-message.ts";
import { webhookHeaders } from "../../../origin/notifications/messages/webhook-message.ts";
import { nextMessage } from "../../../origin/notifications/next-message.ts";
import { countsOf, withoutGaps } from "../../../origin/notifications/news-of.ts";
import { shownAddress } from "../../../origin/notifications/target.ts";

const publicUrl = "https://sluice.shop.test";
const piece = (fields: Partial<News> = {}): News => ({
  uid: "3f0c8c1e-0000-4000-8000-000000000001",
  event: "feature.rolledBack",
  at: new Date("2026-11-26T05:00:00Z"),
  featureId: "feat_checkout",
  tags: [],
  reason: "ROLLBACK: activation is below its threshold",
  actor: "sluice",
  revision: 12,
  counts: [
    {
      signal: "activation",
      threshold: 0.15,
      treatment: { n: 5000, s: 312 },
      holdout: { n: 5000, s: 610 },
    },
  ],
  markdown: null,
  ...fields,
});

const EVIL = "<!channel> <https://evil.test|click> & *bold* https://evil.test\n<script>alert(1)</script>";
const mrkdwnIn = (json: unknown): string[] =>
  JSON.stringify(json)
    .split('"type":"mrkdwn","text":"')
    .slice(1)
    .map((part) => part.split('"')[0] ?? "");

describe("a Slack message", () => {
  test("says what happened, why, the counts, who, when and where to read on", () => {
    expect(slackMessage(messageOf("ops", [piece()]), { publicUrl })).toEqual({
      text: "Rolled back: feat_checkout. ROLLBACK: activation is below its threshold",
      blocks: [
        { type: "header", text: { type: "plain_text", text: "Rolled back: feat_checkout", emoji: false } },
        {
          type: "section",
          text: { type: "plain_text", text: "ROLLBACK: activation is below its threshold", emoji: false },
        },
        {
          type: "section",
          text: {
            type: "plain_text",
            text: "activation 312 of 5000 (6.24 %), threshold 15 %, holdout 610 of 5000 (12.2 %)",
            emoji: false,
          },
        },
        {
          type: "context",
          elements: [
            { type: "plain_text", text: "by sluice at revision 12, 2026-11-26 05:00 UTC", emoji: false },
          ],
        },
        {
          type: "section",
          text: { type: "mrkdwn", text: `<${publicUrl}/features/feat_checkout|Open in Sluice>` },
        },
      ],
      unfurl_links: false,
      unfurl_media: false,
    });
  });

  test("leaves mentions and links of others without effect, in reasons, names and Markdown", () => {
    const message = messageOf("ops", [piece({ reason: EVIL, actor: EVIL, markdown: `# Week\n${EVIL}` })]);
    const slack = slackMessage(message, { publicUrl });
    const own = `<${publicUrl}/features/feat_checkout|Open in Sluice>`;
    for (const text of [...mrkdwnIn(slack), (slack as { text: string }).text])
      expect(text.replace(own, "")).not.toMatch(/[<>]|&(?!amp;|lt;|gt;)/);
    const list = slackMessage(messageOf("ops", [piece({ reason: EVIL }), piece({ reason: EVIL })]), {
      publicUrl,
    });
    expect(mrkdwnIn(list)).toEqual([`<${publicUrl}/|Open in Sluice>`]);
  });

  test("keeps to Slack's lengths, and lists twenty of many", () => {
    const many = Array.from({ length: 100 }, (_, i) =>
      piece({ featureId: `feat_${i}`, reason: "😀".repeat(3_000) }),
    );
    for (const news of [many, [piece({ reason: "😀".repeat(3_000), markdown: "word ".repeat(20_000) })]]) {
      const slack = slackMessage(messageOf("ops", news), { publicUrl });
      const texts = [...JSON.stringify(slack).matchAll(/"text":"((?:[^"\\]|\\.)*)"/g)].map(([, text]) =>
        JSON.parse(`"${text}"`),
      );
      for (const text of texts) {
        expect(text.length).toBeLessThanOrEqual(3_000);
        expect(text.isWellFormed()).toBe(true);
      }
      expect((slack as { blocks: object[] }).blocks.length).toBeLessThanOrEqual(50);
    }
    expect(JSON.stringify(slackMessage(messageOf("ops", many), { publicUrl }))).toContain("and 80 more");
  });
});

describe("Markdown", () => {
  const markdown = [
    "## Rolled back (1)",
    "",
    "- `feat_a` at 2026-11-26 by token:ann: **bad** \\*really\\* R&amp;D &lt;\\!channel&gt; \\[x\\]\\(https://evil.test\\)",
    "- see [the docs](https://evil.test)",
  ].join("\n");

  test("is in Slack what Slack has of it, and what is escaped in it stays text", () => {
    expect(slackMarkdown(markdown)).toBe(
      [
        "*Rolled back (1)*",
        "",
        "• `feat_a` at 2026-11-26 by token:ann: *bad* *really* R&amp;D &lt;!channel&gt; [x](https://evil.test)",
        "• see the docs",
      ].join("\n"),
    );
    expect(slackMarkdown("\\<!channel\\> <!here> &lt;@U1&gt; &amp;lt;!here&amp;gt;")).not.toMatch(/[<>]/);
  });

  test("is in an e-mail without the signs that only keep text from being markup", () => {
    const { text, html } = emailMessage(messageOf("ops", [piece({ markdown })]), { publicUrl });
    expect(text).toContain("**bad** *really* R&D <!channel> [x](https://evil.test)");
    expect(html).toContain("**bad** *really* R&amp;D &lt;!channel&gt; [x](https://evil.test)");
  });
});

test("an e-mail says the same as text and as HTML, and neither subject nor HTML takes signs from a reason", () => {
  const { subject, text, html } = emailMessage(
    messageOf("ops", [piece({ reason: EVIL, featureId: "feat_a\r\nBcc: x@evil.test" })]),
    { publicUrl },
  );
  expect(subject).not.toMatch(/[\r\n]/);
  expect(text).toContain(EVIL);
  expect(text).toContain("activation 312 of 5000 (6.24 %)");
  expect(html).toContain("&lt;script&gt;");
  expect(html).not.toContain("<script>");
});

describe("the signature of a webhook", () => {
  const secretOf = (byte: number) => `whsec_${Buffer.alloc(32, byte).toString("base64")}`;
  const nowMs = Date.now();
  const headersOf = (previous: { secret: string; until: Date } | null) =>
    webhookHeaders(
      { type: "webhook", url: "https://x.test", secret: secretOf(1), previous },
      { id: "msg_1", body: "{}", nowMs },
    );

  test("is that of Standard Webhooks", () => {
    const headers = headersOf(null);
    expect(new Webhook(secretOf(1)).verify("{}", headers)).toEqual({});
    expect(() => new Webhook(secretOf(2)).verify("{}", headers)).toThrow();
    expect(() => new Webhook(secretOf(1)).verify('{"a":1}', headers)).toThrow();
    const mac = createHmac("sha256", Buffer.alloc(32, 1)).update(`msg_1.${headers["webhook-timestamp"]}.{}`);
    expect(headers["webhook-signature"]).toBe(`v1,${mac.digest("base64")}`);
  });

  test("is by both secrets while one takes the place of the other, and by the new one alone afterwards", () => {
    const both = headersOf({ secret: secretOf(2), until: new Date(nowMs + 1_000) });
    for (const secret of [secretOf(1), secretOf(2)])
      expect(new Webhook(secret).verify("{}", both)).toEqual({});
    const after = headersOf({ secret: secretOf(2), until: new Date(nowMs - 1_000) });
    expect(() => new Webhook(secretOf(2)).verify("{}", after)).toThrow();
  });
});

test("a message is known by its id: the same for the same news, another for another target", () => {
  expect(messageOf("a", [piece()]).id).toBe(messageOf("a", [piece({ reason: "as a retry sees it" })]).id);
  expect(messageOf("a", [piece()]).id).not.toBe(messageOf("b", [piece()]).id);
  expect(messageOf("a", [piece()]).id).toMatch(/^msg_[0-9a-f]{32}$/);
});

describe("the next message", () => {
  const waiting = (revisions: readonly (number | null)[]) =>
    revisions.map((revision, id) => Object.assign(piece({ revision }), { id }));

  test.each([
    ["one piece alone", [1], null, { take: 1 }],
    ["the first of a few", [1, 2, 3, 4, 5], null, { take: 1 }],
    ["what one commit did, together", [1, 1, 1, 2], null, { take: 3 }],
    ["everything where there are more than five", [1, 2, 3, 4, 5, 6], null, { take: 6 }],
    ["pieces without a revision one by one", [null, null], null, { take: 1 }],
    ["nothing before a minute with five is over", [6], { beganMs: 0, messages: 5 }, { waitMs: 20_000 }],
    ["again after it", [6], { beganMs: -30_000, messages: 5 }, { take: 1 }],
  ])("is %s", (_what, revisions, minute, expected) => {
    expect(nextMessage(waiting(revisions), minute, 40_000)).toEqual(expected);
  });
});

test.each([
  [null, null],
  ["120", 120_000],
  ["0", 0],
  ["Thu, 26 Nov 2026 05:01:00 GMT", 60_000],
  ["Thu, 26 Nov 2026 04:00:00 GMT", 0],
  ["999999999", 21_600_000],
  ["soon", null],
])("Retry-After: %s is %s ms", (header, expected) => {
  expect(retryAfterMs(header, Date.parse("2026-11-26T05:00:00Z"))).toBe(expected);
});

test.each([
  [200, "delivered"], [204, "delivered"], [301, "failed"], [308, "failed"], [400, "refused"], [401, "failed"],
  [404, "failed"], [410, "gone"], [413, "refused"], [422, "refused"], [429, "failed"], [500, "failed"], [503, "failed"],
])("an answer %i is %s", (status, kind) => {
  expect(outcomeOfAnswer({ status, retryAfter: null, text: "" }, 0).kind).toBe(kind);
}); // prettier-ignore

test("of a signal the counts at its greatest age are told, and of a rollback those of its cause", () => {
  const reported = (signal: string, ageSeconds: number | null, s: number) => ({
    signal,
    ageSeconds,
    threshold: 0.1,
    treatment: { n: 100, s },
    holdout: null,
  });
  const tests = [
    reported("activation", 60, 1),
    reported("activation", 3_600, 2),
    reported("latency", null, 3),
  ];
  expect(countsOf(tests, null).map(({ treatment }) => treatment.s)).toEqual([2, 3]);
  expect(countsOf(tests, ["latency"]).map(({ signal }) => signal)).toEqual(["latency"]);
  expect(countsOf(null, null)).toEqual([]);
});

test("evaluations are read up to one that is missing, unless it is missing for long", () => {
  const rows = (...ids: [number, boolean][]) => ids.map(([id, isSettled]) => ({ id, isSettled }));
  expect(withoutGaps(rows([4, false], [5, false]), 3)).toHaveLength(2);
  expect(withoutGaps(rows([4, false], [6, false]), 3)).toHaveLength(1);
  expect(withoutGaps(rows([5, false]), 3)).toHaveLength(0);
  expect(withoutGaps(rows([5, true], [6, false], [8, false]), 3)).toHaveLength(2);
});

test("an address is shown without what its holder alone may know", () => {
  expect(shownAddress({ type: "slack", url: "https://hooks.slack.com/services/T0/B0/x" })).toBe(
    "https://hooks.slack.com/…",
  );
  expect(
    shownAddress({ type: "webhook", url: "https://x.test/in?key=1234", secret: "whsec_", previous: null }),
  ).toBe("https://x.test/in?…");
  expect(shownAddress({ type: "email", to: ["a@x.test", "b@x.test"] })).toBe("a@x.test, b@x.test");
});
