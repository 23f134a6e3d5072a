// The pages of signing in: plain HTML without scripts, so that the strictest policy holds for them.
import type { Context } from "hono";
import { html } from "hono/html";
import { PAGE_LOOK } from "../../shared/page-look.ts";
import type { HtmlEscapedString } from "hono/utils/html";
import type { ContentfulStatusCode } from "hono/utils/http-status";

export type Markup = HtmlEscapedString | Promise<HtmlEscapedString>;

export const STYLE = `${PAGE_LOOK}
body { display: grid; min-height: 100vh; place-content: center; padding: 1rem; }
main { width: min(26rem, calc(100vw - 2rem)); }
h1 { margin: 0 0 1rem; }
label { display: block; margin-block: 1rem 0.25rem; }
input, button, .button { display: block; width: 100%; margin-block: 0.5rem; }
button:last-of-type { background: var(--accent); border-color: var(--accent); color: var(--on-accent); }
code { overflow-wrap: anywhere; }
`;

/** `formTargets`: where a form of the page may lead, beside this origin. */
const policy = (formTargets: readonly string[]): string =>
  `default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action ${["'self'", ...formTargets].join(" ")}`;

export const page = (
  context: Context,
  options: {
    status?: ContentfulStatusCode;
    title: string;
    body: Markup;
    formTargets?: readonly string[];
  },
): Response | Promise<Response> => {
  const { status = 200, title, body, formTargets = [] } = options;
  context.header("content-security-policy", policy(formTargets));
  return context.html(
    html`<!doctype html>
      <html lang="en">
        <head>
          <meta charset="utf-8" />
          <meta name="viewport" content="width=device-width, initial-scale=1" />
          <meta name="robots" content="noindex" />
          <title>Sluice: ${title}</title>
          <link rel="stylesheet" href="/auth/style.css" />
        </head>
        <body>
          <main class="card">
            <p class="brand">Sluice</p>
            <h1>${title}</h1>
            ${body}
          </main>
        </body>
      </html>`,
    status,
  );
};

/** Why nobody was signed in, and the way to try again. */
export const refusalPage = (
  context: Context,
  { status, title, why }: { status: ContentfulStatusCode; title: string; why: string },
): Response | Promise<Response> =>
  page(context, {
    status,
    title,
    body: html`<p role="alert">${why}</p>
      <a class="button" href="/auth/sign-in">To the sign-in page</a>`,
  });
