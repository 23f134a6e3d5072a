// Texts that people, alerting systems and upstreams have written, made fit for an agent: short, and without characters that
// nobody sees. An agent may still read an instruction in one; docs/agents.md says what to do about that.

const MAX_TEXT = 1_000;
/** As JSON. Clients cut longer answers, or put them into a file. */
export const MAX_ANSWER_CHARS = 60_000;

/** Control and format characters (directions, zero widths, tags), but for line ends and tabs. */
const UNSEEN = /[^\P{C}\n\t]/gu;

const boundedText = (text: string): string => {
  const seen = text.toWellFormed().replaceAll(UNSEEN, "");
  return seen.length > MAX_TEXT ? `${seen.slice(0, MAX_TEXT).toWellFormed()}…` : seen;
};

/** The same JSON with each of its texts bounded. */
export const bounded = (json: unknown): unknown => {
  if (typeof json === "string") return boundedText(json);
  if (Array.isArray(json)) return json.map(bounded);
  if (typeof json !== "object" || json === null) return json;
  return Object.fromEntries(Object.entries(json).map(([name, value]) => [name, bounded(value)]));
};
