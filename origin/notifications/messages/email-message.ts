// A message as an e-mail, in a text part and an HTML part that say the same.
import { readableMarkdown } from "./markdown.ts";
import { countsText, linkOf, listOf, titleOf, whoAndWhen, type Message } from "./message.ts";

const escape = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");

export type EmailMessage = {
  readonly subject: string;
  readonly text: string;
  readonly html: string;
};

/** A subject is one line. */
const oneLine = (text: string): string =>
  // oxlint-disable-next-line no-control-regex -- line ends and other control characters are what this removes
  text.replaceAll(/[\u0000-\u001f\u007f]+/g, " ").slice(0, 200);

export const emailMessage = (message: Message, { publicUrl }: { publicUrl: string }): EmailMessage => {
  const title = titleOf(message);
  const link = linkOf(publicUrl, message);
  const [first] = message.news;
  const isOne = message.news.length === 1 && first !== undefined;
  const { lines, more } = listOf(message);
  const list = more === 0 ? lines : [...lines, `and ${more} more`];
  const counts = isOne ? first.counts.map(countsText) : [];
  const reason = isOne ? first.reason : "";
  const markdown = isOne && first.markdown !== null ? readableMarkdown(first.markdown) : null;
  const about = first === undefined ? "" : whoAndWhen(first);

  const text = [
    title,
    ...(isOne ? [reason] : [list.map((line) => `- ${line}`).join("\n")]),
    ...(counts.length === 0 ? [] : [counts.join("\n")]),
    ...(markdown === null ? [] : [markdown]),
    about,
    link,
  ].join("\n\n");

  const html = [
    `<h2>${escape(title)}</h2>`,
    isOne
      ? `<p>${escape(reason)}</p>`
      : `<ul>${list.map((line) => `<li>${escape(line)}</li>`).join("")}</ul>`,
    ...(counts.length === 0 ? [] : [`<p>${counts.map(escape).join("<br>")}</p>`]),
    ...(markdown === null ? [] : [`<pre style="white-space:pre-wrap">${escape(markdown)}</pre>`]),
    `<p><small>${escape(about)}</small></p>`,
    `<p><a href="${escape(link)}">Open in Sluice</a></p>`,
  ].join("\n");
  return { subject: oneLine(title), text: `${text}\n`, html: `${html}\n` };
};
