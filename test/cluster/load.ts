// What an installation does all day: telemetry that is sent until it is acknowledged, visitors at both edges.
import { setTimeout as sleep } from "node:timers/promises";
import { ORIGIN_INGEST_TOKEN } from "../support/origin.ts";
import { jsonRequest, newUnit } from "../support/otlp-spans.ts";
import type { World } from "./world.ts";

const SENDERS = 3;
const SPANS = 20;
const PAUSE_MS = 20;
const PATIENCE_MS = 5_000;

export type LoadReport = {
  /** Each of a unit of its own. */
  readonly acknowledgedSpans: number;
  /** Requests that were sent again: refused, or without an answer. */
  readonly repeated: number;
  readonly visits: number;
  readonly failedVisits: number;
};

/** Runs until `stop`, which waits until everything that was sent is acknowledged. */
export const startLoad = (world: World, feature: { readonly featureId: string; readonly epoch: number }) => {
  const ending = new AbortController();
  let acknowledgedSpans = 0;
  let repeated = 0;
  let visits = 0;
  let failedVisits = 0;

  const post = async (number: number, body: string): Promise<boolean> => {
    try {
      const answer = await fetch(`${world.originAt(number).url}/v1/traces`, {
        method: "POST",
        headers: { authorization: `Bearer ${ORIGIN_INGEST_TOKEN}`, "content-type": "application/json" },
        body,
        signal: AbortSignal.timeout(PATIENCE_MS),
      });
      await answer.arrayBuffer();
      return answer.status === 200;
    } catch {
      return false;
    }
  };
  /** As an exporter does it: the same bytes again, to the next origin, until one says yes. */
  const deliver = async (first: number, body: string): Promise<void> => {
    for (let number = first; !(await post((number % 3) + 1, body)); number += 1) {
      repeated += 1;
      await sleep(50);
    }
  };
  const sender = async (number: number): Promise<void> => {
    for (let batch = number; !ending.signal.aborted; batch += 1) {
      const spans = Array.from({ length: SPANS }, () => ({
        feature: feature.featureId,
        unit: newUnit(),
        variant: "treatment",
        epoch: feature.epoch,
      }));
      await deliver(batch, JSON.stringify(jsonRequest(spans)));
      acknowledgedSpans += SPANS;
      await sleep(PAUSE_MS);
    }
  };
  const visitor = async (edge: { readonly url: string }): Promise<void> => {
    while (!ending.signal.aborted) {
      visits += 1;
      const page = await fetch(edge.url, { signal: AbortSignal.timeout(PATIENCE_MS) }).then(
        (answer) => answer.text(),
        (error: unknown) => String(error),
      );
      if (page !== "the site") failedVisits += 1;
      await sleep(PAUSE_MS);
    }
  };
  const working = Promise.all([
    ...Array.from({ length: SENDERS }, (_, number) => sender(number)),
    ...world.edges.map(visitor),
  ]);
  return {
    acknowledged: (): number => acknowledgedSpans,
    stop: async (): Promise<LoadReport> => {
      ending.abort();
      await working;
      return { acknowledgedSpans, repeated, visits, failedVisits };
    },
  };
};
