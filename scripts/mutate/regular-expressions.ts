// Mutants of a regular expression's source: an anchor is lost, a class turns into its opposite, a bound is off by one.

/** Offsets of the tokens that can change; what is escaped or inside a class is none of them. */
const tokensOf = (pattern: string): { at: number; text: string }[] => {
  const found: { at: number; text: string }[] = [];
  let isInClass = false;
  for (let at = 0; at < pattern.length; at++) {
    const char = pattern.charAt(at);
    if (char === "\\") at++;
    else if (isInClass) isInClass = char !== "]";
    else if (char === "[") {
      isInClass = true;
      found.push({ at, text: pattern.startsWith("[^", at) ? "[^" : "[" });
    } else if (char === "{") {
      const [text = ""] = /^\{\d+(?:,\d*)?\}/.exec(pattern.slice(at)) ?? [];
      if (text !== "") found.push({ at, text });
    } else if (/[$^+*]/.test(char) || (char === "?" && pattern.charAt(at - 1) !== "("))
      found.push({ at, text: char });
  }
  return found;
};

const countsOf = (quantifier: string): string[] => {
  const [low = 0, high] = quantifier.slice(1, -1).split(",").map(Number);
  if (high === undefined) return [`{${low + 1}}`];
  return low < high ? [`{${low},${high + 1}}`, `{${low + 1},${high}}`] : [`{${low},${high + 1}}`];
};

const SWAPS: Readonly<Record<string, readonly string[]>> = {
  "^": [""],
  $: [""],
  "[": ["[^"],
  "[^": ["["],
  "+": ["*"],
  "*": ["+"],
  "?": [""],
};

export const mutateExpression = (pattern: string): { start: number; end: number; replacement: string }[] =>
  tokensOf(pattern).flatMap(({ at, text }) =>
    (SWAPS[text] ?? countsOf(text)).map((replacement) => ({
      start: at,
      end: at + text.length,
      replacement,
    })),
  );
