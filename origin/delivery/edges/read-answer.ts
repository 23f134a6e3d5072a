// Reads an edge's answer to a push. Nothing in it is believed beyond what the push can have led to: whoever stands
// between may have written it, and an edge may be broken.
import { createHmac, timingSafeEqual } from "node:crypto";
import { z } from "zod";
import { Revision } from "../../../shared/ids.ts";
import { HeldFeature, HistoryPoint, type PushMessage } from "../../../shared/snapshot/push-message.ts";
import type { Key } from "../../../shared/signing/key-ring.ts";
import { answerText, parseSignature } from "../../../shared/signing/push-signature.ts";

export type RegionConfirmation = {
  readonly region: string;
  readonly revision: Revision;
  /** From the moment the hub took the push to the region's confirmation. */
  readonly ms: number;
};

/** `isSigned`: the edge itself wrote the answer, for this push. */
export type PushAnswer =
  | {
      readonly kind: "confirmed";
      readonly revision: Revision;
      readonly regions: readonly RegionConfirmation[];
      readonly takesParts: boolean;
      readonly isSigned: boolean;
      /** Closed at the edge, though the message or an earlier one says that they are open. */
      readonly disputed: readonly HeldFeature[];
      /** The head of the revision that was sent and is confirmed. */
      readonly head?: string | undefined;
      readonly lineage?: string | undefined;
    }
  /** The edge has another revision than the message builds on, or a newer one. */
  | {
      readonly kind: "out-of-step";
      readonly revision: Revision;
      readonly takesParts: boolean;
      /** The closes of the message hold in every region. */
      readonly closesArrived: boolean;
      readonly isSigned: boolean;
      readonly disputed: readonly HeldFeature[];
      /** The history of the edge's state; absent: an older edge, or nobody told it. */
      readonly history?: HistoryPoint | undefined;
      /** All features of the edge, where the message asked for them. */
      readonly holds?: readonly HeldFeature[] | undefined;
      /** Another history is pushed to the edge right now. */
      readonly isBusy: boolean;
    }
  /** The edge waits for the other parts of the message. */
  | { readonly kind: "incomplete"; readonly isSigned: boolean }
  /** The edge, or something before it, was reached and said no: sending again does not help by itself. */
  | { readonly kind: "refused"; readonly error: string }
  | { readonly kind: "failed"; readonly error: string };

/** What an edge answered, as it came. */
export type Answered = {
  readonly status: number;
  readonly text: string;
  /** The header `Sluice-Signature`; empty: none. */
  readonly signature: string;
};

/** What the answer is held against. */
export type Expected = {
  readonly message: Pick<PushMessage, "revision" | "head" | "lineage">;
  readonly nonce: string;
  /** The key of the push: an edge answers by it. */
  readonly key: Key;
};

const MAX_REGIONS = 2_000;
/** Beside the bound on their bytes. */
const MAX_FEATURES = 50_000;
const DAY_MS = 86_400_000;

const Confirmed = z.object({
  revision: Revision,
  regions: z
    .array(
      z.object({ region: z.string().min(1).max(128), revision: Revision, ms: z.number().min(0).max(DAY_MS) }),
    )
    .max(MAX_REGIONS),
  /** The edge knows of closes, and therefore of parts. */
  closed: z.boolean().default(false),
  disputed: z.array(HeldFeature).max(MAX_FEATURES).default([]),
});
const OutOfStep = z.object({
  revision: Revision.nullable(),
  closed: z.boolean().default(false),
  late: z.array(z.string()).max(MAX_REGIONS).default([]),
  disputed: z.array(HeldFeature).max(MAX_FEATURES).default([]),
  lineage: HistoryPoint.shape.lineage.optional(),
  head: HistoryPoint.shape.head.optional(),
  holds: z.array(HeldFeature).max(MAX_FEATURES).optional(),
  reason: z.string().optional(),
});

const Problem = z.object({ detail: z.string() });

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
};

const DETAIL_LENGTH = 300;

/** The answer's own words: the detail of a problem document (RFC 9457), else the beginning of its text. */
const detailOf = (text: string): string => {
  const json = parseJson(text);
  const problem = Problem.safeParse(json);
  const words = problem.success ? problem.data.detail : json === null ? text.trim() : "";
  return words.slice(0, DETAIL_LENGTH);
};

/** null: there is no signature, as older edges answer. false: there is one, and it is not the edge's for this push. */
const checkSignature = ({ status, text, signature }: Answered, { nonce, key }: Expected): boolean | null => {
  if (signature === "") return null;
  const parsed = parseSignature(signature);
  if (parsed === null || parsed.kid !== key.kid) return false;
  const signed = answerText(parsed.timestamp, { nonce, status, body: text });
  const mac = createHmac("sha256", key.secret).update(signed).digest();
  return timingSafeEqual(mac, Buffer.from(parsed.mac, "hex"));
};

const failed = (error: string): PushAnswer => ({ kind: "failed", error });
const least = (one: Revision, other: Revision): Revision => (one < other ? one : other);

export const readAnswer = (answered: Answered, expected: Expected): PushAnswer => {
  const { status, text } = answered;
  if (status !== 200 && status !== 202 && status !== 409) {
    const detail = detailOf(text);
    const error = `HTTP ${status}${detail === "" ? "" : `: ${detail}`}`;
    return { kind: status >= 400 && status < 500 && status !== 429 ? "refused" : "failed", error };
  }
  const signed = checkSignature(answered, expected);
  if (signed === false) return failed("the signature of the answer is not the edge's for this push");
  const isSigned = signed === true;
  if (status === 202) return { kind: "incomplete", isSigned };
  const json = parseJson(text);
  if (status === 409) {
    const { success, data } = OutOfStep.safeParse(json);
    if (!success) return failed(`HTTP 409 with an unreadable answer: ${text.slice(0, DETAIL_LENGTH)}`);
    const { lineage, head, holds, disputed } = data;
    const revision = data.revision ?? Revision.parse(0);
    const history = lineage === undefined || head === undefined ? undefined : { lineage, revision, head };
    const isBusy = data.reason === "busy";
    const takesParts = data.closed;
    const closesArrived = data.closed && data.late.length === 0;
    return {
      kind: "out-of-step",
      revision,
      takesParts,
      closesArrived,
      isSigned,
      disputed,
      history,
      holds,
      isBusy,
    };
  }
  const { success, data } = Confirmed.safeParse(json);
  if (!success) return failed(`HTTP 200 with an unreadable answer: ${text.slice(0, DETAIL_LENGTH)}`);
  const { revision: sent, head, lineage } = expected.message;
  if (data.revision !== sent)
    return failed(`the answer confirms revision ${data.revision}, and ${sent} was sent`);
  // A region may have a newer revision already. This push confirms no more than its own.
  const regions = data.regions.map(({ region, revision, ms }) => ({
    region,
    revision: least(revision, sent),
    ms,
  }));
  const { revision, disputed, closed: takesParts } = data;
  return { kind: "confirmed", revision, regions, takesParts, isSigned, disputed, head, lineage };
};
