// WordPress behind the gate, and Varnish before it, by the lines of docs/before-a-site.md.
import { request as httpRequest, type IncomingHttpHeaders } from "node:http";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startTestEdge, type TestEdge } from "../support/edge.ts";
import { startVarnishInFront, type Upstream } from "../support/upstreams.ts";
import { startWordPress } from "../support/wordpress.ts";

const HOME = "http://shop.test";
const POST = "/hello-world/";
const START_MS = 120_000;
const CHROME =
  "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36";

const WITHOUT_COOKIE = `
  sub vcl_recv {
    if (req.url !~ "^/(\\.sluice|hello-world)(/|\\?|$)") {
      set req.http.Cookie = regsuball(req.http.Cookie, "(^|; *)(__Host-)?sluice=[^;]*", "");
      if (req.http.Cookie == "") { unset req.http.Cookie; }
    }
  }`;

let wordpress: Upstream;
let edge: TestEdge;
let revision = 0;

type Page = { status: number; headers: IncomingHttpHeaders; body: string };

const ask = (
  url: string,
  path: string,
  { form, headers = {} }: { form?: string; headers?: IncomingHttpHeaders } = {},
): Promise<Page> =>
  new Promise((resolve, reject) => {
    const named = { host: "shop.test", "user-agent": CHROME, ...headers };
    const typed =
      form === undefined ? named : { ...named, "content-type": "application/x-www-form-urlencoded" };
    const sent = httpRequest(
      url + path,
      { method: form === undefined ? "GET" : "POST", headers: typed },
      (response) => {
        let body = "";
        response.setEncoding("utf8").on("data", (part: string) => (body += part));
        response.on("end", () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
        );
      },
    );
    sent.on("error", reject).end(form);
  });

const set = async (fields: object): Promise<void> => {
  const feature = {
    featureId: "feat_offer",
    enabled: true,
    rolloutBps: 5_000,
    holdoutBps: 5_000,
    version: revision + 1,
    routes: [{ path: POST }],
    ...fields,
  };
  expect((await edge.push({ revision: ++revision, full: true, features: [feature] })).status).toBe(200);
};

const toldIn = ({ body }: Page): string => /told: ([^<]*)/.exec(body)?.[1] ?? "";

beforeAll(async () => {
  wordpress = await startWordPress(HOME);
  edge = await startTestEdge({ UPSTREAM_URL: wordpress.url });
  const form =
    "weblog_title=Shop&user_name=admin&admin_password=adminpw-12345&admin_password2=adminpw-12345&pw_weak=on&admin_email=a@shop.test&blog_public=0";
  const installed = await ask(edge.url, "/wp-admin/install.php?step=2", { form });
  expect(installed.body).toContain("Success!");
}, START_MS);
afterAll(async () => {
  await edge.stop();
  await wordpress.stop();
});

test("WordPress stays at its public name: pages, redirects and the way in", async () => {
  expect((await ask(edge.url, "/")).body).toContain(`href="${HOME}/hello-world/"`);
  expect((await ask(edge.url, "/?p=1")).headers.location).toBe(`${HOME}/hello-world/`);
  const form = `log=admin&pwd=adminpw-12345&testcookie=1&redirect_to=${HOME}/wp-admin/`;
  const login = await ask(edge.url, "/wp-login.php", {
    form,
    headers: { cookie: "wordpress_test_cookie=WP%20Cookie%20check" },
  });
  expect(login.headers.location).toBe(`${HOME}/wp-admin/`);
  const cookie = (login.headers["set-cookie"] ?? []).map((line) => line.split(";")[0]).join("; ");
  expect((await ask(edge.url, "/wp-admin/", { headers: { cookie } })).body).toContain("Dashboard");
});

test("a page cache keeps pages without a feature, and gives nobody another cohort's page", async () => {
  await set({});
  const told = new Set<string>();
  for (let i = 0; i < 20; i++) {
    const page = await ask(edge.url, POST);
    expect(page.headers["x-page-cache"]).toBe(undefined);
    told.add(toldIn(page));
  }
  expect(told).toEqual(new Set(["feat_offer=treatment", "feat_offer=holdout"]));
  await ask(edge.url, "/sample-page/");
  expect((await ask(edge.url, "/sample-page/")).headers["x-page-cache"]).toBe("hit");
});

test("a closed post is still read in the feed, the search and the REST API, as the page warns", async () => {
  await set({ enabled: false, rolloutBps: 0, holdoutBps: 0, gate: { whenClosed: { action: "notFound" } } });
  expect((await ask(edge.url, POST)).status).toBe(404);
  for (const path of ["/feed/", "/?s=welcome", "/wp-json/wp/v2/posts/1", "/?rest_route=/wp/v2/posts/1", "/"])
    expect((await ask(edge.url, path)).body).toContain("Welcome to WordPress");
});

test("Varnish keeps no cohort's page; returning visitors get the others from it once our cookie is taken off", async () => {
  await set({});
  const varnish = await startVarnishInFront(edge.url, WITHOUT_COOKIE);
  try {
    const first = await ask(varnish.url, POST);
    const cookie = first.headers["set-cookie"]?.[0]?.split(";")[0] ?? "";
    expect(cookie).toMatch(/^sluice=/);
    for (let i = 0; i < 5; i++) {
      expect((await ask(varnish.url, POST)).headers["x-cache"]).toBe("0");
      const again = await ask(varnish.url, POST, { headers: { cookie } });
      expect([again.headers["x-cache"], toldIn(again)]).toEqual(["0", toldIn(first)]);
    }
    await ask(varnish.url, "/sample-page/");
    const kept = await ask(varnish.url, "/sample-page/", { headers: { cookie } });
    expect(kept.headers["x-cache"]).toBe("1");
  } finally {
    await varnish.stop();
  }
});
