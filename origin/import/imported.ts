// A feature of another system as one of Sluice, with what became of each part of it.
import type { Condition } from "../../shared/features/targeting.ts";
import { OperatorFields } from "../../shared/features/operator-fields.ts";
import { FeatureId } from "../../shared/ids.ts";
import {
  all,
  any,
  constant,
  extentOf,
  narrowed,
  NOBODY,
  not,
  unknown,
  type Expression,
} from "./expression.ts";

/** What a configuration file says of the feature. It is closed: only people open features. */
export type ImportedFields = {
  readonly description?: string;
  readonly owner?: string;
  readonly link?: string;
  readonly tags?: readonly string[];
  readonly requires?: readonly FeatureId[];
  readonly unit: "visitor" | "user";
  readonly rolloutBps: number;
  readonly holdoutBps: number;
  readonly targeting: Condition | null;
};

/**
 * `kept`: means the same in Sluice. `changed`: comes near, and the text says how it differs. `dropped`: Sluice has no such
 * thing, or the file does not have it.
 */
export type Note = {
  readonly outcome: "kept" | "changed" | "dropped";
  readonly part: string;
  readonly text: string;
};

export type Imported = {
  /** As the other system calls it. */
  readonly name: string;
  readonly featureId: FeatureId;
  /** null: it is not imported, and the notes say why. */
  readonly fields: ImportedFields | null;
  readonly notes: readonly Note[];
};

export const kept = (part: string, text: string): Note => ({ outcome: "kept", part, text });
export const changed = (part: string, text: string): Note => ({ outcome: "changed", part, text });
export const dropped = (part: string, text: string): Note => ({ outcome: "dropped", part, text });

/** Texts of others in a note: short, in one line. */
export const quoted = (value: unknown): string => {
  const text = JSON.stringify(value) ?? "undefined";
  return text.length > 80 ? `${text.slice(0, 79).toWellFormed()}…` : text;
};

/**
 * The ids of features, by the names that they have. Characters that an id does not take become `-`; two that would be the
 * same get a number.
 */
export const idsFor = (names: readonly string[]): ReadonlyMap<string, FeatureId> => {
  const ids = new Map<string, FeatureId>();
  const taken = new Set<string>();
  const exact = names.filter((name) => FeatureId.safeParse(name).success);
  for (const name of exact) {
    ids.set(name, FeatureId.parse(name));
    taken.add(name);
  }
  const nextNumbers = new Map<string, number>();
  for (const name of names) {
    if (ids.has(name)) continue;
    const plain = name.replaceAll(/[^A-Za-z0-9_.:/-]/g, "-").slice(0, 120);
    const base = plain === "" || plain === "." || plain === ".." ? "feature" : plain;
    let number = nextNumbers.get(base) ?? 1;
    const numbered = () => (number === 1 ? base : `${base}-${number}`);
    while (taken.has(numbered())) number += 1;
    const id = numbered();
    nextNumbers.set(base, number + 1);
    taken.add(id);
    ids.set(name, FeatureId.parse(id));
  }
  return ids;
};

export const idNotes = (name: string, id: FeatureId): Note[] =>
  name === id
    ? []
    : [
        changed(
          "name",
          `${quoted(name)} is ${id} in Sluice, whose ids have letters, digits and _ . : / - only`,
        ),
      ];

const MAX_TAGS = 32;
const MAX_TAG = 64;

export const tagsOf = (tags: readonly string[]): { tags: string[]; notes: Note[] } => {
  const unique = [...new Set(tags)];
  const fitting = unique
    .filter((tag) => tag !== "" && tag.length <= MAX_TAG && isPlain(tag))
    .slice(0, MAX_TAGS);
  const left = unique.length - fitting.length;
  return {
    tags: fitting,
    notes: [
      ...(fitting.length === 0 ? [] : [kept("tags", fitting.join(", "))]),
      ...(left === 0
        ? []
        : [dropped("tags", `${left} tags are too long, not storable, or beyond ${MAX_TAGS}`)]),
    ],
  };
};

const isPlain = (text: string): boolean => text.isWellFormed() && !text.includes("\0");

const MAX_OWNER = 128;
const MAX_DESCRIPTION = 2_000;

/** Characters that no field takes. */
const CONTROLS = /[^\P{Cc}\n\t]/gu;

const textFor = (value: unknown, max: number): string | undefined => {
  if (typeof value !== "string") return undefined;
  const text = value.toWellFormed().replaceAll(CONTROLS, "").slice(0, max).toWellFormed().trim();
  return text === "" ? undefined : text;
};

type Texts = { readonly description?: string; readonly owner?: string; readonly link?: string };

/** What people wrote of the feature, as far as it fits. */
export const textsOf = (given: {
  description?: unknown;
  owner?: unknown;
  link?: unknown;
}): { texts: Texts; notes: Note[] } => {
  const description = textFor(given.description, MAX_DESCRIPTION);
  const owner = textFor(given.owner, MAX_OWNER)?.replaceAll(/\s+/g, " ");
  const parsed = OperatorFields.shape.link.safeParse(given.link);
  const link = parsed.success ? (parsed.data ?? undefined) : undefined;
  return {
    texts: {
      ...(description === undefined ? {} : { description }),
      ...(owner === undefined ? {} : { owner }),
      ...(link === undefined ? {} : { link }),
    },
    notes: [
      ...(description === undefined ? [] : [kept("description", quoted(description))]),
      ...(owner === undefined ? [] : [kept("owner", quoted(owner))]),
      ...(link === undefined ? [] : [kept("link", quoted(link))]),
    ],
  };
};

/** Who gets the feature: the first step whose condition holds decides. `on`: the share of them that gets it, 0 to 1. */
export type Step = { readonly when: Expression; readonly on: number };

export const MAX_STEPS = 200;

/**
 * Conditions that are read of one feature. Sluice's targeting has at most 200, and groups that name one another twice could
 * make millions of few lines.
 */
export type Budget = { left: number };
export const newBudget = (): Budget => ({ left: 2_000 });

/** Whether one more may be read. */
export const spend = (budget: Budget): boolean => {
  budget.left -= 1;
  return budget.left >= 0;
};
const DEFAULT_HOLDOUT_BPS = 1_000;

const toBps = (share: number): number => Math.floor(Math.min(1, share) * 10_000 + 1e-6);

export type Audience = {
  readonly targeting: Condition | null;
  readonly rolloutBps: number;
  /** Who is targeted, for features that require this one. */
  readonly when: Expression;
  readonly notes: readonly Note[];
};

/** Sluice has one share for all that are targeted: the lowest of theirs, so that nobody gets it with a greater chance. */
export const audienceOf = (steps: readonly Step[]): Audience => {
  const nobody = (text: string): Audience => ({
    targeting: NOBODY,
    rolloutBps: 0,
    when: unknown,
    notes: [dropped("targeting", `${text}: it targets nobody until you edit it`)],
  });
  if (steps.length > MAX_STEPS) return nobody(`it has ${steps.length} rules, more than ${MAX_STEPS}`);
  const before: Expression[] = [];
  const parts: { of: Expression; on: number }[] = [];
  for (const { when, on } of steps)
    if (on > 0) parts.push({ of: all([when, ...before]), on });
    else before.push(not(when));
  if (parts.length === 0)
    return {
      targeting: NOBODY,
      rolloutBps: 0,
      when: constant(false),
      notes: [kept("targeting", "on for nobody, as it is there")],
    };
  const when = any(parts.map(({ of }) => of));
  const whole = narrowed(when);
  if (whole === false) return nobody("Sluice can ask none of its rules");
  if (whole === "tooLarge") return nobody("its conditions are more than Sluice's targeting may have");
  // Also of rules that Sluice cannot ask: people whom such a rule gives a small share may meet a later one.
  const possible = parts.filter(({ of }) => narrowed(not(of)) !== true);
  const shares = [...new Set(possible.map(({ on }) => toBps(on)))].toSorted((a, b) => a - b);
  const [lowest = 0] = shares;
  const percent = shares.map((bps) => `${bps / 100} %`).join(", ");
  return {
    targeting: whole === true ? null : whole,
    rolloutBps: lowest,
    when,
    notes: [
      shares.length === 1
        ? kept("rollout", `${percent} of those who are targeted`)
        : changed(
            "rollout",
            `its rules have ${percent}; Sluice has one share for a feature, and the lowest is taken`,
          ),
    ],
  };
};

/** Beside a rollout of everybody there is nobody to compare with. */
export const holdoutFor = (rolloutBps: number): { holdoutBps: number; notes: Note[] } => {
  const holdoutBps = Math.min(DEFAULT_HOLDOUT_BPS, 10_000 - rolloutBps);
  return {
    holdoutBps,
    notes:
      holdoutBps === DEFAULT_HOLDOUT_BPS
        ? []
        : [
            changed(
              "holdout",
              `${holdoutBps / 100} % instead of 10 %: the rollout leaves no more to compare with`,
            ),
          ],
  };
};

/** What becomes of one of their conditions; `text` is it in short. */
export const conditionNote = (part: string, text: string, of: Expression): Note => {
  switch (extentOf(of)) {
    case "whole":
      return kept(part, text);
    case "part":
      return dropped(part, `${text}: Sluice cannot ask a part of this, so fewer people get the feature`);
    case "nothing":
      return dropped(part, `${text}: Sluice cannot ask this, so nobody gets the feature by it`);
  }
};

/** Their buckets are of another hash. */
export const bucketingNote = (of: string): Note =>
  changed("buckets", `${of}: Sluice draws who is in by a hash of its own, so other people get the feature`);
