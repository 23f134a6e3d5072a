// An origin that is killed after a receiver has its message and before it could note that.
import { afterAll, expect, test } from "vitest";
import { makeTestDatabase } from "../../support/database.ts";
import { startOrigin } from "../../support/origin.ts";
import { startReceiver } from "../../support/receiver.ts";
import { waitFor } from "../../support/telemetry.ts";

const database = await makeTestDatabase();
const receiver = await startReceiver();
afterAll(async () => {
  await receiver.stop();
  await database.drop();
});

test("a message that was sent when the origin was killed is sent again as the same message, and what came after it later", async () => {
  const env = {
    DATABASE_URL: database.url,
    NOTIFY_ALLOW_HOSTS: "127.0.0.1",
    PUBLIC_URL: "https://sluice.shop.test",
    INGEST_TOKEN: "",
    SLACK_WEBHOOK_URL: `${receiver.url}/slack`,
  };
  const first = await startOrigin(env);
  // Known by an address of the site, and without a token for telemetry.
  expect(first.output()).toContain("telemetry from other machines is refused: INGEST_TOKEN is not set");
  await first.admin("POST", "/notifications", {
    name: "hook",
    type: "webhook",
    url: `${receiver.url}/hook`,
    events: ["feature.rolledBack"],
  });
  await waitFor(async () => {
    const { rowCount } = await database.pool.query(
      "select from notification_targets where name = 'slack-webhook-url'",
    );
    return rowCount === 1;
  });
  for (const featureId of ["feat_a", "feat_b"])
    await first.admin("POST", "/features", { featureId, enabled: true });
  receiver.state.answer = "hang";
  await first.admin("POST", "/features/feat_a/rollback", { reason: "the till is on fire" });
  await waitFor(async () => receiver.at("/hook").length === 1 && receiver.at("/slack").length === 1);
  await first.admin("POST", "/features/feat_b/rollback", { reason: "and the shop" });
  await first.end("SIGKILL");

  receiver.state.answer = { status: 200 };
  // What the killed origin had claimed is free when its lease is over.
  await database.pool.query("update notification_targets set leased_until = now() where lease is not null");
  const second = await startOrigin(env);
  try {
    await waitFor(async () => receiver.at("/hook").length >= 3 && receiver.at("/slack").length >= 3);
    const [sent, again, next] = receiver.at("/hook");
    expect(again?.headers["webhook-id"]).toBe(sent?.headers["webhook-id"]);
    expect(again?.body).toBe(sent?.body);
    expect(next?.json).toMatchObject({ data: { title: "Rolled back: feat_b" } });
    expect(receiver.at("/slack").map(({ json }) => json["text"])).toEqual([
      "Rolled back: feat_a. the till is on fire",
      "Rolled back: feat_a. the till is on fire",
      "Rolled back: feat_b. and the shop",
    ]);
    expect(second.output()).not.toContain(`${receiver.port}/slack`);
  } finally {
    await second.end("SIGTERM");
  }
});
