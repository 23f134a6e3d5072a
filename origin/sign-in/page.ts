// The pages of signing in: plain HTML without scripts, so that the strictest policy holds for them.
import type { Context } from "hono";
import { html } from "hono/html";
import type { HtmlEscapedString } from "hono/utils/html";
import type { ContentfulStatusCode } from "hono/utils/http-status";

export type Markup = HtmlEscapedString | Promise<HtmlEscapedString>;

export const STYLE = `:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; }
body { display: grid; min-height: 90vh; place-content: center; margin: 1rem; }
main { max-width: 28rem; }
h1 { font-size: 1.4rem; }
label { display: block; margin-block: 1rem 0.25rem; }
input, button, .button { box-sizing: border-box; width: 100%; padding: 0.6rem 0.8rem; font: inherit; }
button, .button { display: block; margin-block: 0.75rem; border: 1px solid; border-radius: 0.4rem; text-align: center;
  color: inherit; background: none; text-decoration: none; cursor: pointer; }
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
          <main>
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
