// Idempotency-Key: a POST that names one is carried out once, however often it is sent.
import { hash } from "node:crypto";
import { z } from "@hono/zod-openapi";
import type { IdempotentAnswers, StoredAnswer } from "../access/idempotent-answers.ts";
import { problem } from "../runtime/problem.ts";
import { schemaProblem } from "./field-problem.ts";
import type { AdminContext } from "./admin-context.ts";

export const IdempotencyKey = z
  .string()
  .regex(/^[\u0021-\u007e]{1,255}$/, "must be 1 to 255 printable ASCII characters without spaces")
  .openapi({
    description:
      "Any text of your own for this one request, such as a UUID. Sent again within a day, the request is not carried out again: the answer is that of the first time, with the header Idempotent-Replayed.",
  });

/** Headers that belong to the answer and not to the connection. */
const KEPT_HEADERS = ["content-type", "etag", "location"];

const toStored = async (response: Response): Promise<StoredAnswer> => ({
  status: response.status,
  headers: Object.fromEntries(
    KEPT_HEADERS.flatMap((name) => {
      const value = response.headers.get(name);
      return value === null ? [] : [[name, value]];
    }),
  ),
  body: await response.clone().text(),
});

/** Carries the request out with `answer`, or answers as the first time. */
export const answerOnce = async (
  context: AdminContext,
  answers: IdempotentAnswers,
  answer: () => Promise<Response>,
): Promise<Response> => {
  const header = context.req.header("idempotency-key");
  if (header === undefined) return answer();
  const key = IdempotencyKey.safeParse(header);
  if (!key.success) return schemaProblem(context, key.error, "Idempotency-Key");
  const { method, path } = context.req;
  const request = {
    actor: context.get("principal").actor,
    key: key.data,
    digest: hash("sha256", `${method} ${path}\n${await context.req.text()}`, "buffer"),
  };
  const claim = await answers.claim(request);
  switch (claim.state) {
    case "otherRequest":
      return problem(context, {
        status: 422,
        title: "Unprocessable Content",
        detail: "this Idempotency-Key was used for another request: choose a new one",
        reason: "idempotencyKeyReused",
      });
    case "underWay":
      context.header("retry-after", "1");
      return problem(context, {
        status: 409,
        title: "Conflict",
        detail: "the request with this Idempotency-Key is being carried out: ask again in a second",
        reason: "idempotencyKeyUnderWay",
      });
    case "answered": {
      const { status, headers, body } = claim.answer;
      return new Response(body, { status, headers: { ...headers, "idempotent-replayed": "true" } });
    }
    case "claimed":
      try {
        const response = await answer();
        if (response.status < 300) await answers.keep(request, await toStored(response));
        else await answers.release(request);
        return response;
      } catch (error) {
        // Whether it was carried out is not known; who asks again within a minute is told that it is under way.
        throw new Error(`${method} ${path} with the Idempotency-Key ${key.data} failed`, { cause: error });
      }
  }
};
