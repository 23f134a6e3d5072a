// A page of the edge itself: one look, one policy. It runs no script; its style is allowed by its hash, and nothing else.
import { PAGE_LOOK } from "../../shared/page-look.ts";

const STYLE = `${PAGE_LOOK}
main { max-width: 62rem; margin: 0 auto; padding: 1.5rem 1.25rem 3rem; }
.facts { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1.25rem; margin: 0; }
dd { margin: 0; overflow-wrap: anywhere; }
form { display: flex; flex-wrap: wrap; gap: .5rem; align-items: end; margin: 1rem 0 0; }
label { flex: 1 1 14rem; display: grid; gap: .25rem; }
.features { list-style: none; margin: 0; padding: 0; display: grid; gap: .75rem; }
.features header { display: flex; flex-wrap: wrap; gap: .25rem .75rem; align-items: baseline; margin: 0 0 .5rem; }
.features h3 { font-size: 1rem; margin: 0; overflow-wrap: anywhere; }
@media (max-width: 30rem) { .facts { grid-template-columns: 1fr; gap: 0; } .facts dd { margin: 0 0 .5rem; } }
`;

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};
export const escape = (text: string): string => text.replace(/[&<>"']/g, (char) => ENTITIES[char] ?? "");

const sha256 = async (text: string): Promise<string> => {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return btoa(String.fromCharCode(...new Uint8Array(digest)));
};

/** Only the site's own pages may frame it. `body` is HTML, `title` text. */
export const ownPage = async (
  { title, body }: { title: string; body: string },
  status = 200,
): Promise<Response> =>
  new Response(
    `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${escape(title)} · Sluice</title>
<meta name="viewport" content="width=device-width"><meta name="robots" content="noindex"><style>${STYLE}</style></head>
<body><main><p class="brand">Sluice at the edge</p><h1>${escape(title)}</h1>
${body}
</main></body></html>`,
    {
      status,
      headers: {
        "Content-Type": "text/html; charset=UTF-8",
        "Cache-Control": "private, no-store",
        "Content-Security-Policy": `default-src 'none'; style-src 'sha256-${await sha256(STYLE)}'; form-action 'self'; base-uri 'none'; frame-ancestors 'self'`,
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
      },
    },
  );
