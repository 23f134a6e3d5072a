// HTTP answers for failures, as RFC 9457 problem details.
import type { Context } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";

export type Problem = {
  readonly status: ContentfulStatusCode;
  readonly title: string;
  readonly detail?: string;
} & Readonly<Record<string, unknown>>;

/** Under it the log has what happened. */
const requestIdOf = (context: Context): string | undefined => {
  const id: unknown = context.get("requestId");
  return typeof id === "string" ? id : undefined;
};

export const problem = (context: Context, { status, title, ...rest }: Problem): Response =>
  context.body(
    JSON.stringify({ type: "about:blank", status, title, ...rest, requestId: requestIdOf(context) }),
    status,
    { "content-type": "application/problem+json" },
  );
