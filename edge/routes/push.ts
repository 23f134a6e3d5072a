// `POST /.sluice/push`: the origin tells the edge what changed.
import { Hono } from "hono";
import type { Result } from "../../shared/result.ts";
import type { Push } from "../../shared/snapshot/versioned-snapshot.ts";
import type { WaitUntil } from "../snapshot/cache.ts";
import type { PushAnswer, PushRefusal } from "../snapshot/rpc.ts";
import { problem } from "./problem.ts";
import type { ReadPushError } from "./read-push.ts";
import { waitUntilOf } from "./wait-until.ts";

type Dependencies = {
  readonly readPush: (request: Request) => Promise<Result<Push, ReadPushError>>;
  readonly push: (message: Push, waitUntil: WaitUntil) => Promise<Result<PushAnswer, PushRefusal>>;
};

const problemOf = (error: ReadPushError): Response => {
  switch (error.reason) {
    case "signature":
      return problem(401, error.detail);
    case "tooLarge":
      return problem(413, `a push has at most ${error.maxBytes} bytes`);
    case "malformed":
      return problem(400, error.detail);
  }
};

export const makePushRoute = ({ readPush, push }: Dependencies): Hono => {
  const route = new Hono();
  route.post("/", async (c) => {
    const message = await readPush(c.req.raw);
    if (!message.ok) return problemOf(message.error);
    const pushed = await push(message.value, waitUntilOf(c));
    if (pushed.ok) return c.json(pushed.value);
    const { reason, have, ...rest } = pushed.error;
    return c.json({ revision: have, ...rest }, reason === "incomplete" ? 202 : 409);
  });
  return route;
};
