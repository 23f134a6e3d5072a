// What one unit of work costs, as `npm run bench -- capacity` and `npm run bench -- edge` printed it. These figures and nothing
// else go into the model. Measure again after a change of ingest, fold, evaluation or edge, and on the machines to be bought.

export type MeasuredCosts = {
  readonly measured: { readonly date: string; readonly how: string };
  /** CPU µs a span */
  readonly span: {
    readonly ingestCpuUs: number;
    readonly foldCpuUs: number;
    readonly postgresCpuUs: number;
    /** OTLP protobuf as the edge sends it */
    readonly requestBytes: number;
    readonly logBytes: number;
    readonly walBytes: number;
  };
  /** A unit that is met for the first time: PostgreSQL's CPU and bytes, its row and its place in the index. */
  readonly unit: { readonly postgresCpuUs: number; readonly walBytes: number; readonly bytes: number };
  readonly rawSpan: { readonly bytes: number };
  /** One look at one feature; each is looked at once a second. */
  readonly check: { readonly cpuMs: number; readonly postgresCpuMs: number };
  /** workerd's CPU µs a request */
  readonly gatedRequest: { readonly cpuUs: number; readonly passThroughCpuUs: number };
  /** Calls of a replica by one isolate: its watch is a stream, renewed every 20 s. */
  readonly isolate: { readonly callsPerSecond: number };
  readonly origin: { readonly idleMb: number; readonly foldMb: number };
};

export const MEASURED: MeasuredCosts = {
  measured: {
    date: "2026-11-26",
    how: "npm run bench -- capacity and -- edge, on two cores that other programs used at the same time, which makes CPU time longer",
  },
  span: {
    ingestCpuUs: 4.37,
    foldCpuUs: 4.86,
    postgresCpuUs: 4.59,
    requestBytes: 311.74,
    logBytes: 62.73,
    walBytes: 131.17,
  },
  unit: { postgresCpuUs: 0.51, walBytes: 23.14, bytes: 113.02 },
  rawSpan: { bytes: 291.92 },
  check: { cpuMs: 1.03, postgresCpuMs: 1.74 },
  gatedRequest: { cpuUs: 410.4, passThroughCpuUs: 258.2 },
  isolate: { callsPerSecond: 0.05 },
  origin: { idleMb: 147, foldMb: 500 },
};
