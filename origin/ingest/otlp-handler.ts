// POST /v1/traces and /v1/logs (and a clear no to /v1/metrics), as opentelemetry-proto docs/specification.md wants it: 200 only when durable,
// partial_success only for items that would be rejected again, Retry-After where sending again helps.
//
// The way of a request: its head is admitted (otlp-request.ts), its body is taken in (request-body.ts), becomes a batch
// that is classified and appended to the log (store-telemetry.ts), and is acknowledged (otlp-response.ts).
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Logger } from "../runtime/log.ts";
import type { Metrics } from "../runtime/metrics.ts";
import { countSpans } from "./count-spans.ts";
import type { MayIngest } from "./may-ingest.ts";
import { encodingOf, readRequestHead, type Encoding, type OtlpRequest } from "./otlp-request.ts";
import { acknowledgement, errorResponse, type OtlpError, type OtlpResponse } from "./otlp-response.ts";
import { drainBody, MAX_BODY_BYTES, readBody } from "./request-body.ts";
import { makeBodyBudget, type Reservation } from "./body-budget.ts";
import { makeTelemetryStore } from "./store-telemetry.ts";

const SAY_LACKED_EVERY_MS = 60_000;
const MAX_PENDING_BYTES = 64 * 2 ** 20;

/**
 * Handles both routes; anything else gets 404 or 405. `maxPendingBytes` bounds all bodies in work, unpacked, and records not
 * yet durable together; beyond it, and beyond its share of it, a client is asked to come back. Never throws into the server: an unexpected failure is logged
 * and answered with 503, for the client to send again.
 */
export const makeOtlpHandler = (
  options: Omit<Parameters<typeof makeTelemetryStore>[0], "nowMs"> & {
    mayIngest: MayIngest;
    metrics: Pick<Metrics, "ingestRequests" | "ingestSpans" | "droppedSpans">;
    logger: Logger;
    maxPendingBytes?: number;
    nowMs?: () => number;
  },
) => {
  const { log, mayIngest, metrics, logger, maxPendingBytes = MAX_PENDING_BYTES, nowMs = Date.now } = options;
  const store = makeTelemetryStore({ ...options, nowMs });
  const budget = makeBodyBudget({ maxBytes: maxPendingBytes, usedElsewhere: () => log.pendingBytes() });
  // An alert compares with the time before the first refusal.
  for (const outcome of ["stored", "overloaded", "storeFailed", "keyMissing"])
    metrics.ingestRequests.inc({ outcome }, 0);

  let saidAt = Number.NEGATIVE_INFINITY;
  const sayLacked = (kids: readonly string[]): void => {
    if (nowMs() - saidAt < SAY_LACKED_EVERY_MS) return;
    saidAt = nowMs();
    logger.error(
      { keys: kids },
      `PSEUDONYM_KEYS lacks ${kids.join(", ")}: telemetry of the features whose units are stored with it is refused, and senders are asked to send it again; all other telemetry is taken`,
    );
  };

  const refuse = (encoding: Encoding, error: OtlpError): OtlpResponse => {
    metrics.ingestRequests.inc({ outcome: error.reason });
    return errorResponse(encoding, error);
  };

  /** Its answer; null when the client has gone away. */
  const storeBody = async (
    request: IncomingMessage,
    head: OtlpRequest,
    { resize }: Reservation,
  ): Promise<OtlpResponse | null> => {
    const fail = (error: OtlpError) => refuse(head.encoding, error);
    const body = await readBody(request, head.compression, resize);
    if (!body.ok) return body.error.reason === "aborted" ? null : fail({ reason: body.error.reason });
    const stored = await store(body.value, head);
    if (!stored.ok) {
      if (stored.error.reason === "keyMissing") sayLacked(stored.error.kids);
      return fail(stored.error);
    }
    metrics.ingestRequests.inc({ outcome: "stored" });
    countSpans(metrics, stored.value);
    return acknowledgement(head, stored.value);
  };

  const respond = async (request: IncomingMessage): Promise<OtlpResponse | null> => {
    const { method = "", url = "", headers } = request;
    const encoding = encodingOf(headers["content-type"]) ?? "json";
    const right = await mayIngest(headers).catch((error: unknown) => {
      logger.error({ err: error }, "a token could not be looked up; the client is asked to send again");
      return null;
    });
    if (right === null) return refuse(encoding, { reason: "storeFailed" });
    const head = readRequestHead({ method, url, headers }, right);
    if (!head.ok) {
      // A Collector that is cut off while it sends takes that for a broken network, and sends again for ever.
      if (head.error.reason === "metricsNotTaken" && !(await drainBody(request))) return null;
      return refuse(encoding, head.error);
    }
    // A body of unknown length counts as the largest.
    const reservation = budget.reserve(
      request.socket.remoteAddress ?? "",
      head.value.contentLength ?? Math.min(MAX_BODY_BYTES, maxPendingBytes),
    );
    if (reservation === undefined) return refuse(encoding, { reason: "overloaded" });
    try {
      return await storeBody(request, head.value, reservation);
    } catch (error) {
      logger.error({ err: error }, "telemetry could not be stored; clients are asked to send it again");
      return refuse(encoding, { reason: "storeFailed" });
    } finally {
      reservation.release();
    }
  };

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const answer = await respond(request);
    if (answer === null) return void response.destroy();
    const { status, headers, body } = answer;
    // The rest of a body that is not read would keep the connection from being used again.
    const close = request.complete ? {} : { connection: "close" };
    response.writeHead(status, { ...headers, ...close, "content-length": body.length });
    response.end(body);
  };

  return (request: IncomingMessage, response: ServerResponse): void => {
    handle(request, response).catch((error: unknown) => {
      logger.error({ err: error }, "a telemetry request failed; its connection is closed");
      response.destroy();
    });
  };
};
