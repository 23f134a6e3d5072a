// What every page shares: head, header, footer, and the badge that tells the demo's reader which cohorts the shop saw.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { html, raw } from "hono/html";
import { type CartLine, countItems } from "./cart.ts";
import { type Cohorts } from "./features.ts";

export type Html = ReturnType<typeof html>;

/** What a page knows of the request it answers. */
export interface Visit {
  readonly cohorts: Cohorts;
  readonly cart: readonly CartLine[];
}

export const STYLESHEET = readFileSync(new URL("shop.css", import.meta.url), "utf8");

// The address changes with the content, so that browsers may keep the sheet for a year.
export const STYLESHEET_PATH = `/shop.${createHash("sha256").update(STYLESHEET).digest("hex").slice(0, 10)}.css`;

const MARK = raw(
  `<svg class="mark" viewBox="0 0 32 32" aria-hidden="true"><path d="M5 14h22c0 8-5 13-11 13S5 22 5 14z" fill="currentColor"/><path d="M11 10c-2-3 2-4 0-7m5 7c-2-3 2-4 0-7m5 7c-2-3 2-4 0-7" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round"/></svg>`,
);

const badge = (cohorts: Cohorts): Html =>
  cohorts.size === 0
    ? html`<p class="badge">No feature was announced for this page</p>`
    : html`<p class="badge">
        Announced for this page:
        ${[...cohorts].map(
          ([feature, cohort]) =>
            html`<span class="cohort cohort-${cohort}">${feature} <b>${cohort}</b></span> `,
        )}
        <a href="/.sluice/explain">why?</a>
      </p>`;

export const page = ({ title, visit, body }: { title: string; visit: Visit; body: Html }): Html => {
  const items = countItems(visit.cart);
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${title} · Morrow</title>
        <link rel="icon" href="/icon.svg" type="image/svg+xml" />
        <link rel="stylesheet" href="${STYLESHEET_PATH}" />
      </head>
      <body>
        <a class="skip" href="#content">To the content</a>
        <header class="top">
          <a class="brand" href="/">${MARK}Morrow</a>
          <nav aria-label="Shop">
            <a href="/#things">All things</a>
            <a href="/cart">Cart${items > 0 ? html` <span class="count">${items}</span>` : ""}</a>
          </nav>
        </header>
        <main id="content">${body}</main>
        <footer class="bottom">
          <p>Morrow is a demo shop: nothing is charged, nothing is sent.</p>
          ${badge(visit.cohorts)}
        </footer>
      </body>
    </html>`;
};
