// What visitors notice of a change of one feature, in a sentence.

export type Shown = { readonly enabled: boolean; readonly rolloutBps: number };

const formatBps = (bps: number): string => `${bps / 100} %`;
const EVERYBODY = 10_000;
const shareOf = (bps: number): string => (bps === EVERYBODY ? "everybody" : formatBps(bps));

/** Fields that say who gets an open feature, or what it does to those who have it. */
const WHO: ReadonlySet<string> = new Set(["targeting", "unit", "routes"]);
const WHAT: ReadonlySet<string> = new Set(["gate", "private", "failureMode"]);

/** `before`, `after`: null where the feature is not there. `fields`: those that change. */
export const visitorsNotice = (
  before: Shown | null,
  after: Shown | null,
  fields: readonly string[],
): string | null => {
  const had = before?.enabled === true ? before.rolloutBps : 0;
  const gets = after?.enabled === true ? after.rolloutBps : 0;
  if (before?.enabled === true && after?.enabled !== true)
    return had === 0 ? "nothing: nobody had it" : `${shareOf(had)} lose it at once`;
  if (after?.enabled !== true) return null;
  const sentences: string[] = [];
  if (gets > had)
    sentences.push(
      had === 0 ? `${shareOf(gets)} get it` : `${formatBps(gets - had)} more get it, and nobody loses it`,
    );
  if (gets < had) sentences.push(`${formatBps(had - gets)} lose it at once`);
  if (before?.enabled === true && had > 0 && fields.some((field) => WHO.has(field)))
    sentences.push("some who have it may lose it, and others get it, at once");
  if (before?.enabled === true && had > 0 && fields.some((field) => WHAT.has(field)))
    sentences.push("what it does changes at once for those who have it");
  return sentences.length === 0 ? null : sentences.join("; ");
};
