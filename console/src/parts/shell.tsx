import type { ComponentChildren } from "preact";
import { useLocation } from "preact-iso";
import { me } from "../api.ts";
import { silentSinceMs } from "../live.ts";
import { formatDuration } from "../format.ts";
import { nowMs } from "./time.tsx";

const PAGES = [
  ["/", "Features"],
  ["/rollbacks", "Rollbacks"],
  ["/approvals", "Approvals"],
  ["/segments", "Segments"],
  ["/edges", "Edges"],
  ["/audit", "Audit"],
  ["/hooks", "Hooks"],
  ["/tokens", "Tokens"],
  ["/health", "Health"],
] as const;

const isAt = (path: string, at: string): boolean =>
  at === "/" ? path === "/" || path.startsWith("/features") : path.startsWith(at);

/** What stands around every page: where one is, who one is, and whether what is shown is old. */
export const Shell = ({ children }: { children: ComponentChildren }) => {
  const { path } = useLocation();
  return (
    <>
      <a class="skip" href="#main">
        Skip to content
      </a>
      <nav aria-label="Pages">
        <a class="brand" href="/">
          <img src="/icon.svg" alt="" width="24" height="24" /> Sluice
        </a>
        <ul>
          {PAGES.map(([href, name]) => (
            <li key={href}>
              <a href={href} aria-current={isAt(path, href) ? "page" : undefined}>
                {name}
              </a>
            </li>
          ))}
        </ul>
        <div class="who">
          <span title="As the audit names you">{me.value?.actor}</span>
          <small>{me.value?.scope}</small>
          <a href="/docs/" target="_blank" rel="noreferrer">
            API
          </a>
          <a href="/auth/sign-in">Sign out</a>
        </div>
      </nav>
      {silentSinceMs.value === null ? null : (
        <p class="stale" role="status">
          The origin has not been heard of for{" "}
          {formatDuration(Math.max(0, nowMs.value - silentSinceMs.value) / 1_000)}: what is shown may be old.
        </p>
      )}
      <main id="main" tabIndex={-1}>
        {children}
      </main>
    </>
  );
};
