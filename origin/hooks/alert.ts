// An alert of any alerting system, in one form.
import { z } from "zod";
import { err, ok, type Result } from "../../shared/result.ts";
import { cleanText } from "./clean-text.ts";

export type Alert = {
  /** One firing of the alert: the same in each repeat, another when it fires anew. */
  readonly key: string;
  /** `other`: neither begins nor ends anything, such as an acknowledgement. */
  readonly status: "firing" | "resolved" | "other";
  readonly beganAt: Date;
  readonly labels: ReadonlyMap<string, string>;
  readonly title: string;
  readonly text: string;
  /** Where the alerting system shows it. */
  readonly link: string | null;
};

/** One that cannot be read stops no other. */
export type ReadAlert = Result<Alert, string>;

export const MAX_ALERTS = 200;
const MAX_KEY = 200;
const MAX_LABELS = 64;
const MAX_LABEL_TEXT = 200;
const MAX_TITLE = 200;
const MAX_TEXT = 1_000;
const MAX_LINK = 500;

export const Texts = z.record(z.string(), z.unknown());

/** Labels with values that are no text are left out. */
export const labelsOf = (labels: Readonly<Record<string, unknown>>): ReadonlyMap<string, string> =>
  new Map(
    Object.entries(labels)
      .filter((entry): entry is [string, string] => typeof entry[1] === "string")
      .slice(0, MAX_LABELS)
      .map(([name, value]) => [cleanText(name, MAX_LABEL_TEXT), cleanText(value, MAX_LABEL_TEXT)]),
  );

const linkOf = (text: string): string | null =>
  text.length <= MAX_LINK && URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)
    ? new URL(text).href
    : null;

/** The first of the texts that says something. */
export const firstText = (...texts: readonly unknown[]): string =>
  texts.find((text): text is string => typeof text === "string" && text.trim() !== "") ?? "";

export const alertOf = (given: {
  key: string;
  status: Alert["status"];
  beganAt: Date;
  labels: ReadonlyMap<string, string>;
  title: string;
  text: string;
  link: string;
}): ReadAlert => {
  if (Number.isNaN(given.beganAt.getTime())) return err("its time is none");
  const key = cleanText(given.key, MAX_KEY + 1);
  if (key === "" || key.length > MAX_KEY) return err(`its key has more than ${MAX_KEY} characters, or none`);
  return ok({
    key,
    status: given.status,
    beganAt: given.beganAt,
    labels: given.labels,
    title: cleanText(given.title, MAX_TITLE),
    text: cleanText(given.text, MAX_TEXT),
    link: linkOf(given.link),
  });
};

/** The issues of a document that cannot be read, in one line. */
export const issuesOf = (error: z.ZodError): string =>
  cleanText(
    error.issues
      .slice(0, 3)
      .map(({ path, message }) => (path.length === 0 ? message : `${path.map(String).join(".")}: ${message}`))
      .join("; "),
    300,
  );
