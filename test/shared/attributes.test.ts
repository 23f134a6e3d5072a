import { expect, test } from "vitest";
import * as attributes from "../../shared/telemetry/attributes.ts";

// The README and deploy/ tell others to send these names: none may be lost or change.
test("telemetry carries a feature's signals under the names that the documentation gives", () => {
  expect(attributes.EVALUATION_EVENT).toBe("feature_flag.evaluation");
  expect(Object.values(attributes.attribute).flat().toSorted()).toEqual(
    [
      "feature_flag.key",
      "feature_id",
      "feature_flag.context.id",
      "user_id",
      "enduser.id",
      "feature_flag.result.variant",
      "feature_flag.variant",
      "sluice.epoch",
      "action_taken",
      "returned",
      "is_bot",
      "captcha_score",
      "http.response.status_code",
      "sluice.exposure",
      "sluice.request",
      "sluice.unfinished",
      "sluice.network",
    ].toSorted(),
  );
  expect(Object.values(attributes.resourceAttribute)).toEqual(["cloud.region", "sluice.dropped_spans"]);
});

test("OpenTelemetry's name stands before the pattern's own", () => {
  expect(attributes.attribute.featureId[0]).toBe("feature_flag.key");
  expect(attributes.attribute.unitId[0]).toBe("feature_flag.context.id");
});
