// Markdown of other stages in channels that have less of it. What somebody has escaped in it stays text: no link, no mention. Pure.

/** https://spec.commonmark.org/0.31.2/#backslash-escapes */
const ESCAPED = /\\([!-/:-@[-`{-~])/g;
/** Stands for an escaped sign while markup is read, so that it is none. */
const ASIDE = 0xe000;
const setAside = (markdown: string): string =>
  markdown
    .replaceAll(/[\uE000-\uE0FF]/g, "")
    .replaceAll(ESCAPED, (_, sign: string) => String.fromCodePoint(ASIDE + (sign.codePointAt(0) ?? 0)));
const bringBack = (text: string, show: (sign: string) => string): string =>
  text.replaceAll(/[\uE000-\uE0FF]/g, (sign) =>
    show(String.fromCodePoint((sign.codePointAt(0) ?? ASIDE) - ASIDE)),
  );

const decode = (text: string): string =>
  text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&quot;", '"').replaceAll("&amp;", "&");

/** As a person reads it in an e-mail: without the signs that only keep text from being markup. */
export const readableMarkdown = (markdown: string): string =>
  bringBack(decode(setAside(markdown)), (sign) => sign);

/** https://docs.slack.dev/messaging/formatting-message-text#escaping */
export const escapeForSlack = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

/** In the few signs that Slack has. Of a link its text stays. */
export const slackMarkdown = (markdown: string): string => {
  const marked = escapeForSlack(decode(setAside(markdown)))
    .replaceAll(/^#{1,6} +(.*)$/gm, "*$1*")
    .replaceAll(/\*\*([^*\n]+)\*\*/g, "*$1*")
    .replaceAll(/\[([^\]\n]*)\]\([^)\n]*\)/g, "$1")
    .replaceAll(/^(\s*)- /gm, "$1• ");
  return bringBack(marked, escapeForSlack);
};
