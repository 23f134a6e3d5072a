// `sluice receipt`: the signed receipt of a rollback, for people who were not there: who decided it, when it was committed,
// and when each region of each edge had it.
import { readFile } from "node:fs/promises";
import { defineCommand } from "citty";
import { z } from "zod";
import { isGenuineReceipt } from "../delivery/rollback-receipt.ts";
import { KeyRing } from "../../shared/signing/key-ring.ts";
import { featureIdArgument } from "./arguments.ts";
import { askOrigin, featurePath, originArgument } from "./ask-origin.ts";
import { UsageError } from "./errors.ts";
import { jsonArgument, lineWidth, printJson, printLine, strong, tableText, wrapText } from "./print.ts";

const Receipt = z.looseObject({
  featureId: z.string(),
  rollback: z.looseObject({
    seq: z.number(),
    at: z.string(),
    actor: z.string(),
    reason: z.string(),
    revision: z.number(),
    hash: z.string(),
  }),
  complete: z.boolean(),
  missingEdges: z.array(z.string()),
  confirmations: z.array(
    z.object({
      edge: z.string(),
      region: z.string(),
      confirmedAt: z.string(),
      msAfterCommit: z.number(),
    }),
  ),
});
type Receipt = z.infer<typeof Receipt>;
const Signed = z.object({ receipt: z.unknown(), signature: z.string() });
type Signed = z.infer<typeof Signed>;
const Several = z.object({ receipts: z.array(Signed) });

const clock = (at: string): string => `${at.slice(0, 10)} ${at.slice(11, 23)}Z`;

const receiptText = ({ featureId, rollback, complete, missingEdges, confirmations }: Receipt): string => {
  const { at, actor, reason, revision, seq, hash } = rollback;
  return [
    `${strong(featureId)} was rolled back by ${actor} at revision ${revision}, committed ${clock(at)}`,
    ...wrapText(reason, lineWidth() - 2).map((line) => `  ${line}`),
    `  audit row ${seq}, hash ${hash}`,
    ...(confirmations.length === 0
      ? []
      : [
          "",
          tableText(
            ["EDGE", "REGION", "HAD IT AT", "AFTER THE COMMIT"],
            confirmations.map(({ edge, region, confirmedAt, msAfterCommit }) => [
              edge,
              region,
              clock(confirmedAt),
              `${msAfterCommit} ms`,
            ]),
          ),
        ]),
    "",
    complete ? "Every edge has it." : `Not yet confirmed by ${missingEdges.join(", ")}.`,
  ].join("\n");
};

const readKeys = (): KeyRing => {
  const keys = KeyRing.safeParse(process.env["PUSH_KEYS"] ?? "");
  if (keys.success) return keys.data;
  throw new UsageError(`PUSH_KEYS ${keys.error.issues[0]?.message ?? "is wrong"}: they verify receipts`);
};

/** One receipt or several, as they were written. */
const readSigned = async (file: string): Promise<readonly Signed[]> => {
  let json: unknown;
  try {
    json = JSON.parse(await readFile(file, "utf8"));
  } catch (cause) {
    throw new UsageError(`--check ${file} cannot be read`, { cause });
  }
  const several = Several.safeParse(json);
  if (several.success) return several.data.receipts;
  const one = Signed.safeParse(json);
  if (one.success) return [one.data];
  throw new UsageError(`--check ${file} holds no receipt; \`sluice receipt FEATURE --json\` writes one`);
};

const checkFile = async (file: string, asJson: boolean): Promise<void> => {
  const keys = readKeys();
  const checked = (await readSigned(file)).map(({ receipt, signature }) => {
    const about = Receipt.safeParse(receipt).data;
    return {
      featureId: about?.featureId ?? null,
      revision: about?.rollback.revision ?? null,
      genuine: isGenuineReceipt({ receipt, signature }, keys),
    };
  });
  process.exitCode = checked.length > 0 && checked.every(({ genuine }) => genuine) ? 0 : 1;
  if (asJson) return printJson(checked);
  return printLine(
    checked
      .map(
        ({ featureId, revision, genuine }) =>
          `the receipt of ${featureId ?? "nothing known"} at revision ${revision ?? "?"} is ${genuine ? "genuine" : "not what the origin signed"}`,
      )
      .join("\n"),
  );
};

export const receiptCommand = defineCommand({
  meta: { name: "receipt", description: "Show the signed receipt of a rollback, or check one that was kept" },
  args: {
    what: {
      type: "positional",
      valueHint: "FEATURE|REVISION",
      required: false,
      description: "a feature, for its newest rollback; a revision, for all that was rolled back in it",
    },
    check: {
      type: "string",
      valueHint: "FILE",
      description: "verify a receipt that --json wrote, with PUSH_KEYS; asks no origin",
    },
    json: jsonArgument,
    origin: originArgument,
  },
  run: async ({ args }) => {
    if ((args.what === undefined) === (args.check === undefined))
      throw new UsageError("name a FEATURE or a REVISION, or a file to --check");
    if (args.check !== undefined) return checkFile(args.check, args.json);
    const what = args.what ?? "";
    const isRevision = /^[1-9]\d*$/.test(what);
    const path = isRevision
      ? `/revisions/${what}/receipts`
      : featurePath(featureIdArgument(what), "/receipt");
    // The document as it came: its signature is about every character.
    const json: unknown = await (await askOrigin(args.origin, { path })).json();
    if (args.json) return printJson(json);
    const signed = isRevision ? Several.parse(json).receipts : [Signed.parse(json)];
    return printLine(signed.map(({ receipt }) => receiptText(Receipt.parse(receipt))).join("\n\n"));
  },
});
