// What other stages may ask about segments, bound to the database.
import type { Pool } from "../../db/pool.ts";
import type { SegmentId } from "../../../shared/ids.ts";
import { err, type Result } from "../../../shared/result.ts";
import type { FeatureRecord } from "../feature-record.ts";
import { evaluateFor, type AskedRequest, type EvaluationFor, type UnsavedFields } from "./evaluate-for.ts";
import { expandErrorText } from "./expand-targeting.ts";
import { getSegment, listSegments, readNeededSegments, type SegmentQuery } from "./read-segments.ts";

export type SegmentReads = ReturnType<typeof makeSegmentReads>;

export const makeSegmentReads = (pool: Pool) => ({
  getSegment: (segmentId: SegmentId) => getSegment(pool, segmentId),
  listSegments: (query: SegmentQuery) => listSegments(pool, query),
  /** The error is a sentence about the targeting. */
  evaluateFor: async (
    record: FeatureRecord,
    unsaved: UnsavedFields,
    request: AskedRequest,
  ): Promise<Result<EvaluationFor, string>> => {
    const targeting = unsaved.targeting === undefined ? record.targeting : unsaved.targeting;
    const evaluated = evaluateFor(record, unsaved, request, await readNeededSegments(pool, [targeting]));
    return evaluated.ok ? evaluated : err(expandErrorText(evaluated.error));
  },
});
