// Finds the feature that a request names, and answers with its document.
import type { Context } from "hono";
import type { FeatureId } from "../../shared/ids.ts";
import { err, ok, type Result } from "../../shared/result.ts";
import type { FeatureReads } from "../features/feature-reads.ts";
import type { FeatureRecord } from "../features/feature-record.ts";
import { changeProblem } from "./change-problem.ts";
import { documentOf } from "./feature-document.ts";
import { etagOf, readFeatureId } from "./read-request.ts";

type Reads = Pick<FeatureReads, "getFeature">;

/** The feature of the path, or the answer that says why not. */
export const findFeature = async (
  context: Context,
  { getFeature }: Reads,
): Promise<Result<FeatureRecord, Response>> => {
  const id = readFeatureId(context);
  if (!id.ok) return id;
  const record = await getFeature(id.value);
  return record === null
    ? err(changeProblem(context, { reason: "notFound", featureId: id.value }))
    : ok(record);
};

/** The feature's document as it is now, with its ETag. */
export const answerFeature = async (
  context: Context,
  { getFeature }: Reads,
  featureId: FeatureId,
  { status = 200, warnings = [] }: { status?: 200 | 201; warnings?: readonly string[] } = {},
): Promise<Response> => {
  const record = await getFeature(featureId);
  if (record === null) return changeProblem(context, { reason: "notFound", featureId });
  context.header("etag", etagOf(record.state.version));
  return context.json({ ...documentOf(record), ...(warnings.length === 0 ? {} : { warnings }) }, status);
};
