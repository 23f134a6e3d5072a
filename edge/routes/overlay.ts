// The answer of explain as a small page, for a developer who looks at a site through the gate: on its own, or in a frame
// over the site's page. It runs no script and shows nothing but what the visitor's own cookie says.
import type { Explanation, VisitorExplanation } from "./explanation.ts";

const STYLE = `
:root { color-scheme: light dark; font: 14px/1.5 system-ui, sans-serif; }
body { margin: 1rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .25rem .75rem .25rem 0; border-bottom: 1px solid #8884; vertical-align: top; }
.yes { color: #0a7d32; font-weight: 600; }
@media (prefers-color-scheme: dark) { .yes { color: #5bd882; } }
code, input { font: inherit; font-family: ui-monospace, monospace; }
input { width: 20rem; max-width: 60%; }
`;

const sha256 = async (text: string): Promise<string> => {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return btoa(String.fromCharCode(...new Uint8Array(digest)));
};

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};
const escape = (text: string): string => text.replace(/[&<>"']/g, (char) => ENTITIES[char] ?? "");

const STATES = {
  open: "open",
  closed: "closed for everybody",
  stale: "closed while the snapshot is stale",
} as const satisfies Record<Explanation["state"], string>;

const row = ({ featureId, state, open, cohort, bucket, reason }: Explanation): string => `<tr>
<td><code>${escape(featureId)}</code></td>
<td>${STATES[state]}</td>
<td class="${open ? "yes" : "no"}">${open ? "yes" : "no"}</td>
<td>${escape(reason)}</td><td>${cohort}</td><td>${bucket ?? ""}</td></tr>`;

/** The style is allowed by its hash, and nothing else; only the site's own pages may frame it. */
export const overlayHeaders = async (): Promise<Readonly<Record<string, string>>> => ({
  "Content-Security-Policy": `default-src 'none'; style-src 'sha256-${await sha256(STYLE)}'; form-action 'self'; base-uri 'none'; frame-ancestors 'self'`,
  "Referrer-Policy": "no-referrer",
  "X-Content-Type-Options": "nosniff",
});

/** `path`: the page of the site that the answer is for; empty: any page. */
export const renderOverlay = ({ unit, user, revision, features }: VisitorExplanation, path: string): string =>
  `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Sluice: why</title>
<meta name="viewport" content="width=device-width"><style>${STYLE}</style></head><body>
<p>${unit === null ? "No visitor: no cookie came with the request" : `Visitor <code>${escape(unit)}</code>`}${user === null ? "" : `, user <code>${escape(user)}</code>`}, revision ${revision}</p>
<form><label>Page <input name="path" value="${escape(path)}" placeholder="any page"></label> <button>Ask</button></form>
<table><thead><tr><th>Feature<th>The feature is<th>You get it<th>Why<th>Your cohort<th>Your bucket</thead><tbody>
${features.map(row).join("\n")}
</tbody></table></body></html>`;
