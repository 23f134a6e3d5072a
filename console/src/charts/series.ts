// What the charts of a feature draw, from its stored evaluations: plain rows, which the tables beside them show too.
import type { Evaluation } from "../client.gen.ts";
import type { SIGNALS } from "../words.ts";

export type SignalName = keyof typeof SIGNALS;

/** Evidence of one moment as powers of ten: 2 is 100 : 1. null: none yet. */
export type EvidenceRow = {
  readonly at: string;
  readonly rollback: number | null;
  readonly rollbackBar: number | null;
  readonly keep: number | null;
  readonly keepBar: number | null;
};

export type RateRow = {
  readonly at: string;
  readonly rate: number | null;
  readonly lower: number | null;
  readonly upper: number | null;
  readonly threshold: number;
  readonly holdout: number | null;
};

const asPowerOfTen = (natural: number | null | undefined): number | null =>
  natural === null || natural === undefined ? null : natural / Math.LN10;

const testOf = ({ decision }: Evaluation, signal: SignalName) =>
  decision.evidence.tests.find((test) => test.signal === signal);

/** In the order of time. */
export const evidenceRows = (evaluations: readonly Evaluation[], signal: SignalName): EvidenceRow[] =>
  evaluations.toReversed().map((evaluation) => {
    const test = testOf(evaluation, signal);
    const keep = evaluation.decision.evidence.keep?.find((each) => each.signal === signal);
    return {
      at: evaluation.at,
      rollback: asPowerOfTen(test?.logEvidence),
      rollbackBar: asPowerOfTen(test?.logBar),
      keep: asPowerOfTen(keep?.logEvidence),
      keepBar: asPowerOfTen(keep?.logBar),
    };
  });

export const rateRows = (evaluations: readonly Evaluation[], signal: SignalName): RateRow[] =>
  evaluations.toReversed().flatMap((evaluation) => {
    const test = testOf(evaluation, signal);
    if (test === undefined) return [];
    const explained = evaluation.decision.explained?.find((each) => each.signal === signal);
    const { holdout } = test;
    return [
      {
        at: evaluation.at,
        rate: test.rate,
        lower: explained?.interval?.lower ?? null,
        upper: explained?.interval?.upper ?? null,
        threshold: test.threshold,
        holdout: holdout === null || holdout.n === 0 ? null : holdout.s / holdout.n,
      },
    ];
  });

export type CohortRow = { readonly at: string; readonly treatment: number; readonly holdout: number };

/** In the order of time. */
export const cohortRows = (evaluations: readonly Evaluation[]): CohortRow[] =>
  evaluations.toReversed().map(({ at, decision }) => {
    const { treatment, holdout } = decision.details.exposed;
    return { at, treatment, holdout };
  });

/** A field with a comma, a quote or a line break is quoted. */
const csvField = (value: string | number | null | undefined): string => {
  const text = String(value ?? "");
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};

/** As text with a line for each row, for spreadsheets (RFC 4180). */
export const toCsv = (rows: readonly Readonly<Record<string, string | number | null>>[]): string => {
  const names = Object.keys(rows[0] ?? {});
  const lines = rows.map((row) => names.map((name) => csvField(row[name])).join(","));
  return `${[names.join(","), ...lines].join("\r\n")}\r\n`;
};
