// Precedence of versions by Semantic Versioning 2.0.0 (https://semver.org/#spec-item-11), for app versions as clients
// send them: a leading `v` and a missing minor or patch number are allowed, build metadata is ignored.

export type Version = {
  readonly numbers: readonly [number, number, number];
  /** Pre-release identifiers; none for a release. */
  readonly pre: readonly string[];
};

const FORM =
  /^v?(\d{1,9})(?:\.(\d{1,9}))?(?:\.(\d{1,9}))?(?:-([0-9A-Za-z-]{1,32}(?:\.[0-9A-Za-z-]{1,32}){0,8}))?(?:\+[0-9A-Za-z.-]{1,64})?$/;

/** null: the text is no version. */
export const parseVersion = (text: string): Version | null => {
  const match = FORM.exec(text);
  if (match === null) return null;
  const [, major = "0", minor = "0", patch = "0", pre] = match;
  return {
    numbers: [Number(major), Number(minor), Number(patch)],
    pre: pre === undefined ? [] : pre.split("."),
  };
};

const isNumeric = (identifier: string): boolean => /^\d+$/.test(identifier);

const compareIdentifiers = (a: string, b: string): number => {
  if (isNumeric(a) && isNumeric(b)) return Math.sign(Number(a) - Number(b));
  if (isNumeric(a) !== isNumeric(b)) return isNumeric(a) ? -1 : 1;
  return a === b ? 0 : a < b ? -1 : 1;
};

/** Negative, zero or positive as `a` is lower than, equal to or higher than `b`. */
export const compareVersions = (a: Version, b: Version): number => {
  for (const at of [0, 1, 2] as const)
    if (a.numbers[at] !== b.numbers[at]) return Math.sign(a.numbers[at] - b.numbers[at]);
  if (a.pre.length === 0 || b.pre.length === 0) return Math.sign(b.pre.length - a.pre.length);
  for (let at = 0; at < Math.min(a.pre.length, b.pre.length); at++) {
    const order = compareIdentifiers(a.pre[at] ?? "", b.pre[at] ?? "");
    if (order !== 0) return order;
  }
  return Math.sign(a.pre.length - b.pre.length);
};
