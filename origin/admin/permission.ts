// What a caller may do: by its scope each operation, by its tags the features that it may change.
import type { Context } from "hono";
import type { Principal, Scope } from "../access/principal.ts";
import { problem } from "../runtime/problem.ts";

const RANK: Readonly<Record<Principal["scope"], number>> = { ingest: 0, viewer: 1, editor: 2, admin: 3 };

export const mayCall = (principal: Principal, needed: Scope): boolean =>
  RANK[principal.scope] >= RANK[needed];

/** Whether it may change a feature with these tags. */
export const mayChange = (principal: Principal, featureTags: readonly string[]): boolean =>
  principal.tags === null || principal.tags.some((tag) => featureTags.includes(tag));

const forbidden = (context: Context, detail: string, facts: Record<string, unknown>): Response =>
  problem(context, { status: 403, title: "Forbidden", detail, ...facts });

export const scopeProblem = (context: Context, { scope }: Principal, needed: Scope): Response =>
  forbidden(context, `this needs a token with the scope ${needed}, and yours has ${scope}`, {
    reason: "scope",
    needed,
    have: scope,
  });

/** `featureIds`: the features that it may not change, where a request is about several. */
export const tagProblem = (context: Context, { tags }: Principal, featureIds?: readonly string[]): Response =>
  forbidden(
    context,
    `your token may change features with one of these tags only: ${(tags ?? []).join(", ")}` +
      (featureIds === undefined ? "" : ` (and not ${featureIds.join(", ")})`),
    { reason: "tags", tags, ...(featureIds === undefined ? {} : { featureIds }) },
  );
