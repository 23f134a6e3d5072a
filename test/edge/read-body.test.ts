import { expect, test } from "vitest";
import { readBody } from "../../edge/routes/read-body.ts";
import { err, ok } from "../../shared/result.ts";

const encoder = new TextEncoder();
/** Node's Request asks for it where a body is a stream; workerd's does not know it. */
const HALF_DUPLEX = { duplex: "half" };

/** A body without Content-Length; `onPull` counts how much of it was asked for. */
const streamed = (chunks: readonly Uint8Array[], onPull = (): void => undefined): Request => {
  let at = 0;
  const body = new ReadableStream<Uint8Array>(
    {
      pull: (controller) => {
        onPull();
        const chunk = chunks[at++];
        if (chunk === undefined) controller.close();
        else controller.enqueue(chunk);
      },
    },
    { highWaterMark: 0 },
  );
  return new Request("http://shop.test/", { method: "POST", body, ...HALF_DUPLEX });
};

const tooLarge = (maxBytes: number) => err({ reason: "tooLarge", maxBytes });

test("a body of exactly the limit is read, one byte more is refused", async () => {
  expect(await readBody(streamed([encoder.encode("abcde")]), 5)).toEqual(ok("abcde"));
  expect(await readBody(streamed([encoder.encode("abcdef")]), 5)).toEqual(tooLarge(5));
});

test("the limit is in bytes, not in characters", async () => {
  expect(await readBody(streamed([encoder.encode("äöü")]), 6)).toEqual(ok("äöü"));
  expect(await readBody(streamed([encoder.encode("äöü")]), 5)).toEqual(tooLarge(5));
});

test("a character that is split over two chunks is read", async () => {
  const bytes = encoder.encode("a€b");
  expect(await readBody(streamed([bytes.slice(0, 2), bytes.slice(2)]), 10)).toEqual(ok("a€b"));
});

test("a body that is too long is not read to its end", async () => {
  let pulls = 0;
  const endless = Array.from({ length: 1_000 }, () => new Uint8Array(100));
  const request = streamed(endless, () => {
    pulls++;
  });
  expect(await readBody(request, 250)).toEqual(tooLarge(250));
  expect(pulls).toBeLessThan(10);
});

test("a Content-Length over the limit is refused without reading", async () => {
  const request = new Request("http://shop.test/", {
    method: "POST",
    body: "short",
    headers: { "Content-Length": "999" },
  });
  expect(await readBody(request, 100)).toEqual(tooLarge(100));
});

test("a request without a body has an empty one", async () => {
  expect(await readBody(new Request("http://shop.test/"), 10)).toEqual(ok(""));
});
