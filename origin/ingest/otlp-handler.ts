// POST /v1/traces and /v1/logs, as opentelemetry-proto docs/specification.md wants it: 200 only when durable,
// partial_success only for items that would fail again, Retry-After where sending again helps.
import type { IncomingMessage, ServerResponse } from "node:http";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import type { Logger } from "../runtime/log.ts";
import type { Metrics } from "../runtime/metrics.ts";
import { bearerToken, sameSecret } from "../runtime/secrets.ts";
import type { SpanLog } from "../span-log/append.ts";
import type { FeatureEpoch } from "../span-log/block.ts";
import type { BotRequestCounter } from "./count-bot-requests.ts";
import type { FeatureDirectory } from "./feature-directory.ts";
import { readJson } from "./otlp-json.ts";
import { contentType, exportResponse, statusBody, type Encoding } from "./otlp-response.ts";
import { readProtobuf, type OtlpSignal } from "./otlp-protobuf.ts";
import {
  makeClassifier,
  rejectionMessages,
  type Classification,
  type RawSampling,
  type RejectionReason,
} from "./classify.ts";

/** Of the body as sent, and again of what it unpacks to. */
const MAX_BODY_BYTES = 8 * 2 ** 20;
const MAX_PENDING_BYTES = 64 * 2 ** 20;

const unpack = promisify(gunzip);

type Refusal = { readonly status: 400 | 401 | 404 | 405 | 413 | 415 | 429 | 503; readonly message: string };
const refusal = (status: Refusal["status"], message: string): Refusal => ({ status, message });

const encodings: Readonly<Record<string, Encoding>> = {
  "application/x-protobuf": "protobuf",
  "application/json": "json",
};

const encodingOf = (request: IncomingMessage): Encoding | undefined =>
  encodings[(request.headers["content-type"] ?? "").split(";")[0]?.trim().toLowerCase() ?? ""];

const signals: Readonly<Record<string, OtlpSignal>> = { "/v1/traces": "traces", "/v1/logs": "logs" };

/** Without a token everyone may: a machine of one's own. */
const mayIngest = (request: IncomingMessage, expected: string | undefined): boolean => {
  if (expected === undefined) return true;
  const given = bearerToken(request.headers.authorization);
  return given !== undefined && sameSecret(given, expected);
};

/** The body as it came in. */
const readBody = async (request: IncomingMessage): Promise<Buffer[] | "tooLarge" | "aborted"> => {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > MAX_BODY_BYTES) return "tooLarge";
      chunks.push(chunk);
    }
  } catch {
    return "aborted";
  }
  return chunks;
};

/**
 * Puts bodies together, each in the place of the one before: what is returned is to be read before anything else
 * happens. New memory for each, a hundred KB some hundred times a second, would be most of the collector's work.
 */
const makeJoin = () => {
  let place = Buffer.alloc(0);
  return (chunks: readonly Buffer[]): Buffer => {
    if (chunks.length === 1 && chunks[0] !== undefined) return chunks[0];
    const size = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    if (place.length < size) place = Buffer.allocUnsafeSlow(Math.min(MAX_BODY_BYTES, size * 2));
    let at = 0;
    for (const chunk of chunks) at += chunk.copy(place, at);
    return place.subarray(0, size);
  };
};

/**
 * Gives the memory of chunks back now, not when the collector comes: their kilobytes count as the collector's, who
 * otherwise goes through the whole heap several times a second because of them.
 */
const release = (chunks: readonly Buffer[]): void => {
  for (const { buffer, byteLength } of chunks)
    if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0);
};

const unzip = async (body: Buffer): Promise<Buffer[] | Refusal> => {
  try {
    return [await unpack(body, { maxOutputLength: MAX_BODY_BYTES })];
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    return code === "ERR_BUFFER_TOO_LARGE"
      ? refusal(413, `the body unpacks to more than ${MAX_BODY_BYTES} bytes`)
      : refusal(400, "the body is not gzip");
  }
};

const isRejection = (outcome: string): outcome is RejectionReason =>
  Object.hasOwn(rejectionMessages, outcome);

type Tally = Map<Classification, number>;

const rejectedOf = (tally: Tally): { rejected: number; message: string } => {
  let rejected = 0;
  const reasons: string[] = [];
  for (const [outcome, count] of tally) {
    if (!isRejection(outcome)) continue;
    rejected += count;
    reasons.push(`${count}: ${rejectionMessages[outcome]}`);
  }
  return { rejected, message: reasons.join("; ") };
};

const resultOf = (outcome: Classification): "accepted" | "rejected" | "ignored" => {
  if (outcome === "accepted") return "accepted";
  return isRejection(outcome) ? "rejected" : "ignored";
};

/**
 * Handles both routes; anything else gets 404 or 405. `maxPendingBytes` is of all bodies in work and records not yet
 * durable together; beyond, clients are asked to come back. `nowMs`: wall clock for the age of spans. Never throws into the
 * server: what fails unexpectedly is logged and answered with 503, for the client to send again.
 */
export const makeOtlpHandler = (options: {
  log: SpanLog;
  directory: FeatureDirectory;
  bots: Pick<BotRequestCounter, "add">;
  raw: RawSampling;
  /** A score below this is a bot's. */
  captchaThreshold: number;
  token: string | undefined;
  metrics: Pick<Metrics, "ingestSpans" | "ingestOutcomes">;
  logger: Logger;
  maxPendingBytes?: number;
  nowMs?: () => number;
}) => {
  const { log, directory, metrics, logger, nowMs = Date.now } = options;
  const { maxPendingBytes = MAX_PENDING_BYTES } = options;
  const screen = makeClassifier(options);
  const join = makeJoin();
  let inWorkBytes = 0;

  /**
   * Decodes into the log's next commit. There is no promise when the body is malformed, or when it names a feature of
   * which the directory is unsure and `mayAskAgain`.
   */
  const take = (chunks: readonly Buffer[], encoding: Encoding, signal: OtlpSignal, mayAskAgain: boolean) => {
    const now = nowMs();
    const body = join(chunks);
    const tally: Tally = new Map();
    const bots = new Map<FeatureEpoch, number>();
    const countBot = (feature: FeatureEpoch) => bots.set(feature, (bots.get(feature) ?? 0) + 1);
    let malformed: string | null = null;
    const durable = log.append((builders) => {
      const visit = (fields: Parameters<typeof screen>[0]): void => {
        const outcome =
          signal === "logs" && !fields.isEvaluation
            ? "notAFeature"
            : screen(fields, signal === "traces" ? "span" : "log", now, builders, countBot);
        tally.set(outcome, (tally.get(outcome) ?? 0) + 1);
      };
      malformed = encoding === "json" ? readJson(body, signal, visit) : readProtobuf(body, signal, visit);
      return malformed === null && !(mayAskAgain && tally.has("unsureFeature"));
    });
    return { durable, malformed: malformed as string | null, tally, bots };
  };

  const count = (tally: Tally): void => {
    for (const [outcome, items] of tally) {
      metrics.ingestSpans.inc({ result: resultOf(outcome) }, items);
      if (outcome !== "accepted") metrics.ingestOutcomes.inc({ outcome }, items);
    }
  };

  const store = async (
    body: readonly Buffer[],
    encoding: Encoding,
    signal: OtlpSignal,
  ): Promise<Tally | Refusal> => {
    if (directory.isOld()) await directory.refresh();
    let taken = take(body, encoding, signal, true);
    if (taken.durable === null && taken.malformed === null) {
      await directory.refresh();
      taken = take(body, encoding, signal, false);
    }
    release(body);
    if (taken.malformed !== null) return refusal(400, `malformed ${encoding} body: ${taken.malformed}`);
    await taken.durable;
    options.bots.add(taken.bots);
    return taken.tally;
  };

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const encoding = encodingOf(request);
    const send = (status: number, body: Buffer, headers: Record<string, string> = {}): void => {
      response.writeHead(status, {
        "content-type": contentType[encoding ?? "json"],
        "content-length": body.length,
        ...headers,
      });
      response.end(body);
    };
    const refuse = ({ status, message }: Refusal, headers: Record<string, string> = {}): void => {
      // A body that nobody reads would keep the connection from being used again.
      if (!request.complete) headers["connection"] = "close";
      if (status === 503 || status === 429) headers["retry-after"] = String(1 + Math.round(Math.random()));
      send(status, statusBody(encoding ?? "json", status, message), headers);
    };

    const signal = signals[(request.url ?? "").split("?")[0] ?? ""];
    if (signal === undefined) return refuse(refusal(404, "there are /v1/traces and /v1/logs"));
    if (request.method !== "POST") return refuse(refusal(405, "POST only"), { allow: "POST" });
    if (!mayIngest(request, options.token))
      return refuse(refusal(401, "a Bearer token for ingest is needed"), { "www-authenticate": "Bearer" });
    if (encoding === undefined)
      return refuse(refusal(415, "content-type must be application/x-protobuf or application/json"));
    const packing = request.headers["content-encoding"]?.toLowerCase() ?? "identity";
    if (packing !== "gzip" && packing !== "identity")
      return refuse(refusal(415, "content-encoding must be gzip or identity"), { "accept-encoding": "gzip" });
    const declared = Number(request.headers["content-length"] ?? 0);
    if (declared > MAX_BODY_BYTES)
      return refuse(refusal(413, `the body has more than ${MAX_BODY_BYTES} bytes`));
    if (inWorkBytes + log.pendingBytes() + declared > maxPendingBytes)
      return refuse(refusal(503, "too much telemetry is waiting to be stored"));

    // A body of unknown length is reckoned with at its largest.
    const reserved = request.headers["content-length"] === undefined ? MAX_BODY_BYTES : declared;
    inWorkBytes += reserved;
    try {
      const raw = await readBody(request);
      if (raw === "aborted") return void response.destroy();
      if (raw === "tooLarge") return refuse(refusal(413, `the body has more than ${MAX_BODY_BYTES} bytes`));
      const body = packing === "gzip" ? await unzip(Buffer.concat(raw)) : raw;
      if ("status" in body) return refuse(body);
      const outcome = await store(body, encoding, signal);
      if (!(outcome instanceof Map)) return refuse(outcome);
      count(outcome);
      const { rejected, message } = rejectedOf(outcome);
      send(200, exportResponse(encoding, signal, rejected, message));
    } catch (error) {
      logger.error({ error }, "telemetry could not be stored, clients are asked to send again");
      refuse(refusal(503, "telemetry cannot be stored at the moment"));
    } finally {
      inWorkBytes -= reserved;
    }
  };

  return (request: IncomingMessage, response: ServerResponse): void => {
    handle(request, response).catch((error: unknown) => {
      logger.error({ error }, "a telemetry request failed");
      response.destroy();
    });
  };
};
