// `POST /.sluice/push`: the origin tells the edge what changed. The answer is signed, so that the origin need not trust
// whatever stands between them.
import { Hono } from "hono";
import type { Result } from "../../shared/result.ts";
import { answerText, formatSignature } from "../../shared/signing/push-signature.ts";
import type { Push } from "../../shared/snapshot/versioned-snapshot.ts";
import { toHex } from "../bytes.ts";
import type { WaitUntil } from "../snapshot/cache.ts";
import type { PushAnswer, PushRefusal } from "../snapshot/rpc.ts";
import type { TracePush } from "../telemetry/trace-push.ts";
import { problem } from "./problem.ts";
import type { ReadPushError, ReceivedPush } from "./read-push.ts";
import { waitUntilOf } from "./wait-until.ts";

type Dependencies = {
  readonly readPush: (request: Request) => Promise<Result<ReceivedPush, ReadPushError>>;
  readonly push: (message: Push, waitUntil: WaitUntil) => Promise<Result<PushAnswer, PushRefusal>>;
  readonly sign: (secret: string, text: string) => Promise<Uint8Array>;
  readonly now: () => number;
  /** null: nothing is traced. */
  readonly trace: TracePush | null;
};

const problemOf = (error: ReadPushError): Response => {
  switch (error.reason) {
    case "signature":
      return problem(401, error.detail);
    case "tooLarge":
      return problem(413, `a push has at most ${error.maxBytes} bytes`);
    case "malformed":
      return problem(400, error.detail);
    case "busy":
      return problem(503, "too many pushes without Sluice-Sender are being read");
    case "slow":
      return problem(408, `a push without Sluice-Sender has to arrive within ${error.withinMs} ms`);
  }
};

const answerTo = (pushed: Result<PushAnswer, PushRefusal>): { status: 200 | 202 | 409; json: object } => {
  if (pushed.ok) return { status: 200, json: pushed.value };
  const { reason, have, ...rest } = pushed.error;
  // Whoever knows of no histories reads the revision alone.
  const why = reason === "other" || reason === "busy" ? { reason } : {};
  return { status: reason === "incomplete" ? 202 : 409, json: { revision: have, ...rest, ...why } };
};

export const makePushRoute = ({ readPush, push, sign, now, trace }: Dependencies): Hono => {
  /** The header of a signed answer; an older origin sends no nonce and reads no signature. */
  const signature = async (
    { key, nonce }: ReceivedPush,
    answer: { status: number; body: string },
  ): Promise<Record<string, string>> => {
    if (nonce === undefined) return {};
    const timestamp = Math.floor(now() / 1_000);
    const mac = toHex(await sign(key.secret, answerText(timestamp, { nonce, ...answer })));
    return { "Sluice-Signature": formatSignature({ timestamp, kid: key.kid, mac }) };
  };

  const route = new Hono();
  route.post("/", async (c) => {
    const received = await readPush(c.req.raw);
    if (!received.ok) return problemOf(received.error);
    const waitUntil = waitUntilOf(c);
    const startMs = now();
    const pushed = await push(received.value.message, waitUntil);
    if (trace !== null) {
      const traceparent = c.req.header("traceparent") ?? null;
      waitUntil(trace({ traceparent, startMs, endMs: now(), answer: pushed.ok ? pushed.value : null }));
    }
    const { status, json } = answerTo(pushed);
    const body = JSON.stringify(json);
    const signed = await signature(received.value, { status, body });
    return c.body(body, status, { "Content-Type": "application/json", ...signed });
  });
  return route;
};
