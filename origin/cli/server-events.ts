// Server-sent events of a response, as far as the origin's stream uses them (WHATWG HTML, 9.2.6).

export type ServerEvent = {
  readonly event: string;
  readonly data: string;
  readonly id: string | undefined;
};

const parse = (block: string): ServerEvent | null => {
  const fields = new Map(
    block
      .split("\n")
      .filter((line) => !line.startsWith(":"))
      .map((line) => {
        const [name = "", ...rest] = line.split(":");
        return [name, rest.join(":").replace(/^ /, "")] as const;
      }),
  );
  const data = fields.get("data");
  return data === undefined ? null : { event: fields.get("event") ?? "message", data, id: fields.get("id") };
};

/** Ends with the response, and throws when the connection breaks. */
export async function* readEvents(response: Response): AsyncGenerator<ServerEvent> {
  if (response.body === null) return;
  let text = "";
  for await (const part of response.body.pipeThrough(new TextDecoderStream())) {
    text += part;
    const blocks = text.split("\n\n");
    text = blocks.pop() ?? "";
    for (const block of blocks) {
      const event = parse(block);
      if (event !== null) yield event;
    }
  }
}
