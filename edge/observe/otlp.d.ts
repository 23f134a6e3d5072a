/** What the edge saw of one unit in one request. */
export type Report = {
  /** Of the request's own trace context; null: it begins a trace. */
  readonly parent: {
    readonly traceId: Uint8Array;
    readonly spanId: Uint8Array;
  } | null;
  /** the request's method */
  readonly name: string;
  readonly startMs: number;
  /** null: unknown; such a span has no end, and its duration is not counted. */
  readonly durationMs: number | null;
  readonly status: number;
  readonly unitId: string;
  readonly isBot: boolean;
  /** A span each. */
  readonly features: readonly ReportedFeature[];
};
export type ReportedFeature = {
  /** by `encodeSubject` */
  readonly subject: Uint8Array;
  readonly actionTaken: boolean;
};
/** An ExportTraceServiceRequest. */
export type Batch = {
  readonly body: Uint8Array;
  readonly spans: number;
};
export declare const TRACES_TYPE = "application/x-protobuf";
/** The attributes that name a feature, a cohort and an epoch. */
export declare const encodeSubject: (
  featureId: string,
  variant: "treatment" | "holdout",
  epoch: number,
) => Uint8Array;
/** Writes one batch after the other; `full` takes one whenever there is no room for a further span. */
export declare class SpanWriter {
  private readonly bytes;
  private readonly view;
  private at;
  /** Unique ids without a random number each: the isolate's own random bytes and a counter. */
  private isolate;
  private ids;
  private readonly random;
  private readonly full;
  /** Spans in the batch that is being written. */
  spans: number;
  constructor(options: { random: (bytes: number) => Uint8Array; full: (batch: Batch) => void });
  write(report: Report): void;
  /** What was written since the last batch. */
  take(): Batch;
  private nextId;
  private put;
  private putId;
  /** An id of `randomBytes` of the isolate's own and a number. */
  private putOwnId;
  private putSpanId;
  /** In two bytes, whatever it is below 2^14. */
  private putLength;
  private putLongLength;
  /** A string field with its length; what is not ASCII takes the way through the encoder. */
  private putText;
  /** ns since 1970 pass 2^53: the ms are taken apart at 2^20, so that every step is exact. */
  private putTime;
  private putUnit;
  private putVisit;
}
