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
  /** boolean: the span is an exposure of its unit. Without it a span is one */
  exposure: ["sluice.exposure"],
  /** "document" or "fetch": what kind of request the span is of. Without it a span that has ended is of a fetch */
  requestKind: ["sluice.request"],
  /** boolean: the visitor left, or the response never ended; the duration is how long it was waited for */
  unfinished: ["sluice.unfinished"],
  /** 16 hexadecimal digits: a keyed hash of the visitor's network. Without it the network is unknown */
  network: ["sluice.network"],
} as const satisfies Record<string, readonly [string, ...string[]]>;

/** Attributes of the resource that sends spans. */
export const resourceAttribute = {
  region: "cloud.region",
  /** integer: spans that the sender dropped, or saw refused, since its batch before */
  droppedSpans: "sluice.dropped_spans",
} as const;

/** Value of `sluice.request` for a request by which a browser loads a page. */
export const DOCUMENT_REQUEST = "document";

/** Name of a log record's event that counts as an exposure (OpenTelemetry semantic conventions, feature flags). */
export const EVALUATION_EVENT = "feature_flag.evaluation";
