// Names of the span attributes that carry a feature's signals: the OpenTelemetry name first, then accepted aliases.

export const attribute = {
  featureId: ["feature_flag.key", "feature_id"],
  unitId: ["feature_flag.context.id", "user_id", "enduser.id"],
  /** "treatment" or "holdout". The second name is OpenTelemetry's before semantic conventions 1.32. */
  variant: ["feature_flag.result.variant", "feature_flag.variant"],
  epoch: ["sluice.epoch"],
  /** boolean: the unit did what the feature is for */
  activated: ["action_taken"],
  /** boolean: the unit came back */
  returned: ["returned"],
  isBot: ["is_bot"],
  /** 0 (bot) … 1 (human) */
  captchaScore: ["captcha_score"],
  httpStatus: ["http.response.status_code"],
} as const satisfies Record<string, readonly [string, ...string[]]>;

/** Name of a log record's event that counts as an exposure (OpenTelemetry semantic conventions, feature flags). */
export const EVALUATION_EVENT = "feature_flag.evaluation";
