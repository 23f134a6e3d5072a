// A request as people paste it becomes the request that the evaluator is asked about.
import { expect, test } from "vitest";
import { readPastedRequest } from "../../console/src/editing/pasted-request.ts";

test("a curl command as a browser copies it is read: path, headers, cookies and country", () => {
  const text = String.raw`curl 'https://shop.test/cart/a%20b?x=1#top' \
  -H 'Accept-Language: de,en;q=0.8' \
  -H 'cookie: sluice=v1.k.abc=; plan=gold' \
  -H "CF-IPCountry: at" --compressed`;
  expect(readPastedRequest(text)).toEqual({
    method: "GET",
    path: "/cart/a%20b",
    headers: { "accept-language": "de,en;q=0.8", "cf-ipcountry": "at" },
    cookies: { sluice: "v1.k.abc=", plan: "gold" },
    country: "AT",
  });
});

test.each([
  ["curl -X DELETE http://s.test/a", "DELETE", "/a"],
  ['curl --data-raw \'{"a": "it is"}\' https://s.test/b', "POST", "/b"],
  ["curl -o out.html -m 5 https://s.test/c -H 'a: b'", "GET", "/c"],
  ["GET /d?e=f HTTP/1.1\r\nHost: s.test", "GET", "/d"],
  ["POST https://s.test/g", "POST", "/g"],
  ["accept: text/html", "GET", null],
  ["", "GET", null],
])("%s is a request by its method and path", (text, method, path) => {
  expect(readPastedRequest(text)).toMatchObject({ method, path });
});

test("quotes and backslashes of a shell keep their texts together", () => {
  const { headers, cookies } = readPastedRequest(
    String.raw`curl http://s.test/ -H "a: say \"hi\"" -H 'b: '"c d"'' -A agent\ smith -b 'k=v; l=m=n'`,
  );
  expect(headers).toEqual({ a: 'say "hi"', b: "c d", "user-agent": "agent smith" });
  expect(cookies).toEqual({ k: "v", l: "m=n" });
});
