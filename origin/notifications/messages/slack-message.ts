// A message for Slack's incoming webhooks, as blocks. Names and reasons come from people and programs and are text: they stand in
// plain_text, where `<!channel>`, links and asterisks mean nothing.
import { escapeForSlack, slackMarkdown } from "./markdown.ts";
import { countsText, linkOf, listOf, titleOf, whoAndWhen, type Message } from "./message.ts";

/** https://docs.slack.dev/reference/block-kit/blocks/section-block and …/header-block */
const MOST_IN_SECTION = 3_000;
const MOST_IN_HEADER = 150;
const MOST_IN_CONTEXT = 2_000;

/** By characters, not halves of them. */
const shorten = (text: string, most: number): string => {
  if (text.length <= most) return text;
  return `${text.slice(0, most - 1).replace(/[\uD800-\uDBFF]$/, "")}…`;
};

const plain = (text: string, most: number) => ({
  type: "plain_text",
  text: shorten(text === "" ? "-" : text, most),
  emoji: false,
});

const markdownBlocks = (markdown: string) => {
  const text = slackMarkdown(markdown);
  const parts: string[] = [];
  for (let rest = text; rest !== "" && parts.length < 10;) {
    const end = rest.length <= MOST_IN_SECTION ? rest.length : rest.lastIndexOf("\n", MOST_IN_SECTION);
    const length = end > 0 ? end : MOST_IN_SECTION;
    parts.push(rest.slice(0, length));
    rest = rest.slice(length).replace(/^\n/, "");
  }
  return parts.map((part) => ({ type: "section", text: { type: "mrkdwn", text: part, verbatim: true } }));
};

const bodyBlocks = (message: Message): object[] => {
  const [first] = message.news;
  if (first === undefined) return [];
  if (message.news.length > 1) {
    const { lines, more } = listOf(message);
    const text = [
      ...lines.map((line) => `• ${shorten(line, 140)}`),
      ...(more === 0 ? [] : [`and ${more} more`]),
    ];
    return [{ type: "section", text: plain(text.join("\n"), MOST_IN_SECTION) }];
  }
  const counts = first.counts.map(countsText).join("\n");
  return [
    { type: "section", text: plain(first.reason, MOST_IN_SECTION) },
    ...(counts === "" ? [] : [{ type: "section", text: plain(counts, MOST_IN_SECTION) }]),
    ...(first.markdown === null ? [] : markdownBlocks(first.markdown)),
  ];
};

const contextOf = (message: Message): string => {
  const [first] = message.news;
  if (first === undefined) return "";
  const last = message.news.at(-1) ?? first;
  return first.revision === last.revision && first.actor === last.actor
    ? whoAndWhen(first)
    : `${whoAndWhen(first)} to ${whoAndWhen(last)}`;
};

export const slackMessage = (message: Message, { publicUrl }: { publicUrl: string }): object => {
  const title = titleOf(message);
  const link = linkOf(publicUrl, message);
  return {
    // What a phone shows: escaped, since it is read as Slack's own signs.
    text: escapeForSlack(shorten(`${title}. ${message.news[0]?.reason ?? ""}`, 500)),
    blocks: [
      { type: "header", text: plain(title, MOST_IN_HEADER) },
      ...bodyBlocks(message),
      { type: "context", elements: [plain(contextOf(message), MOST_IN_CONTEXT)] },
      { type: "section", text: { type: "mrkdwn", text: `<${escapeForSlack(link)}|Open in Sluice>` } },
    ],
    unfurl_links: false,
    unfurl_media: false,
  };
};
