// The attributes that are read of a resource: where its sender is, and what that has lost.
import { resourceAttribute } from "../../shared/telemetry/attributes.ts";
import { bytesOf } from "../span-log/bytes.ts";
import type { AttributeValue } from "./span-attributes.ts";
import type { ResourceFields } from "./span-batch.ts";

const REGION = /^[\x21-\x7e]{1,64}$/;
/** More than an edge can have seen between two batches. */
const MAX_DROPPED = 1e9;

export const noResource = (): ResourceFields => ({ region: "", droppedSpans: 0 });

/** A value that cannot be one is ignored: it says nothing of the spans. */
export const setResourceAttribute = (resource: ResourceFields, name: string, value: AttributeValue): void => {
  if (name === resourceAttribute.region && value.kind === "text") {
    const region = bytesOf(value.view, value.start, value.end).toString("latin1");
    if (REGION.test(region)) resource.region = region;
  } else if (name === resourceAttribute.droppedSpans && value.kind === "number") {
    const { value: dropped } = value;
    if (Number.isSafeInteger(dropped) && dropped >= 0 && dropped <= MAX_DROPPED)
      resource.droppedSpans = dropped;
  }
};
