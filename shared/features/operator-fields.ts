// What only those who operate a feature read. It stands in one column of the database and never travels to the edges.
import * as z from "zod";

const day = (at: Date): string => at.toISOString().slice(0, 10);

// oxlint-disable-next-line no-control-regex -- control characters are what these refuse
const LINE = /^[^\u0000-\u001f\u007f-\u009f\u2028\u2029]*$/;
// oxlint-disable-next-line no-control-regex -- the same, with line breaks and tabs allowed
const TEXT = /^[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]*$/;
const NO_CONTROL = "must not contain control characters";

/** Before the path there is a host, and no user and password. */
const LINK = /^https?:\/\/[^/?#@\\\s]+(?:[/?#]|$)/i;
const isLink = (text: string): boolean => LINK.test(text) && z.url().safeParse(text).success;

const MAX_LINK = 2_048;

export const OperatorFields = z.object({
  owner: z
    .string()
    .trim()
    .min(1, "must not be empty; null: nobody")
    .max(128)
    .regex(LINE, NO_CONTROL)
    .nullable()
    .default(null)
    .describe("Who answers for the feature: a person or a team, at most 128 characters."),
  description: z
    .string()
    .max(2_000)
    .regex(TEXT, NO_CONTROL)
    .nullable()
    .default(null)
    .describe("What the feature is, at most 2,000 characters."),
  link: z
    .string()
    .max(MAX_LINK)
    .regex(LINE, NO_CONTROL)
    .refine(isLink, "must be an http or https URL without a user and password")
    .nullable()
    .default(null)
    .describe("Where more is written: an http or https URL."),
  removeAfter: z.iso
    .date("must be a date such as 2027-01-31")
    .nullable()
    .default(null)
    .describe(
      "The day after which the feature should be gone from the code (`2027-01-31`, UTC). Nothing happens on it but a warning.",
    ),
  lockdown: z
    .boolean()
    .default(false)
    .describe(
      "Whether nothing but rollbacks and the steps of its own ramp may change the feature while its trial is undecided, unless somebody forces it with a reason.",
    ),
});
export type OperatorFields = z.infer<typeof OperatorFields>;

/** As they are stored. Bounds are not looked at again: no owner's name may stop a rollback. */
const stored = z.string().nullable().default(null);
export const StoredOperatorFields = z.object({
  owner: stored,
  description: stored,
  link: stored,
  removeAfter: stored,
  lockdown: z.boolean().default(false),
});

export const NO_OPERATOR_FIELDS: OperatorFields = OperatorFields.parse({});

/** The operator's fields among others. */
export const operatorFieldsOf = ({
  owner,
  description,
  link,
  removeAfter,
  lockdown,
}: OperatorFields): OperatorFields => ({ owner, description, link, removeAfter, lockdown });

/** Sentences about what is due. */
export const operatorWarnings = ({ removeAfter }: OperatorFields, now: Date): readonly string[] =>
  removeAfter !== null && removeAfter < day(now)
    ? [`it should be gone since ${removeAfter}: remove it, or set removeAfter to a later day`]
    : [];
