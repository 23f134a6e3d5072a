// `GET /.sluice/overlay`: the answer of explain as a small page, for a developer who looks at a site through the gate. On
// its own, or in a frame over the site's page. It runs no script and shows nothing but what the own cookie says.
import type { Explanation } from "./explain.ts";

export type Explained = {
  readonly unit: string;
  /** false: neither a cookie that could be believed was sent nor a sign-in, and this unit was made up for the answer. */
  readonly known: boolean;
  /** 0 (bot) … 1 (human); null: no captcha has found anything. */
  readonly captchaScore: number | null;
  readonly revision: number;
  readonly features: readonly Explanation[];
};

const STYLE = `
:root { color-scheme: light dark; font: 14px/1.5 system-ui, sans-serif; }
body { margin: 1rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .25rem .75rem .25rem 0; border-bottom: 1px solid #8884; vertical-align: top; }
.open { color: #0a7d32; font-weight: 600; }
@media (prefers-color-scheme: dark) { .open { color: #5bd882; } }
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

const row = ({ featureId, open, cohort, bucket, reason }: Explanation): string => `<tr>
<td><code>${escape(featureId)}</code></td>
<td class="${open ? "open" : "closed"}">${open ? "open" : "closed"}</td>
<td>${cohort}</td><td>${bucket}</td><td>${escape(reason)}</td></tr>`;

/** The style is allowed by its hash, and nothing else; only the site's own pages may frame it. */
export const overlayHeaders = async (): Promise<Readonly<Record<string, string>>> => ({
  "Content-Security-Policy": `default-src 'none'; style-src 'sha256-${await sha256(STYLE)}'; form-action 'self'; base-uri 'none'; frame-ancestors 'self'`,
  "Referrer-Policy": "no-referrer",
  "X-Content-Type-Options": "nosniff",
});

/** `path`: the page of the site that is asked about; empty: any. */
export const renderOverlay = ({ unit, known, revision, features }: Explained, path: string): string =>
  `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Sluice: why</title>
<meta name="viewport" content="width=device-width"><style>${STYLE}</style></head><body>
<p>Unit <code>${escape(unit)}</code>${known ? "" : " (made up: no cookie and no sign-in)"}, revision ${revision}</p>
<form><label>Page <input name="path" value="${escape(path)}" placeholder="any page"></label> <button>Ask</button></form>
<table><thead><tr><th>Feature<th>State<th>Cohort<th>Bucket<th>Why</thead><tbody>
${features.map(row).join("\n")}
</tbody></table></body></html>`;
