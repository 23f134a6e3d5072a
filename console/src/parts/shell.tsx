import type { ComponentChildren } from "preact";
import { useLocation } from "preact-iso";
import { CONSOLE_PAGES, type PageGroup } from "../../../shared/console-pages.ts";
import { me } from "../api.ts";
import { Guide } from "../guide/guide.tsx";
import { silentSinceMs } from "../live.ts";
import { formatDuration } from "../format.ts";
import { nowMs } from "./time.tsx";

const GROUPS = [
  ["watch", "Watch"],
  ["change", "Change"],
  ["govern", "Govern"],
] as const satisfies readonly (readonly [PageGroup, string])[];

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
        {GROUPS.map(([group, title]) => (
          <section key={group} aria-labelledby={`nav-${group}`}>
            <h2 id={`nav-${group}`}>{title}</h2>
            <ul>
              {CONSOLE_PAGES.filter((page) => page.group === group).map(({ path: href, name }) => (
                <li key={href}>
                  <a href={href} aria-current={isAt(path, href) ? "page" : undefined}>
                    {name}
                  </a>
                </li>
              ))}
            </ul>
          </section>
        ))}
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
      <Guide />
      <main id="main" tabIndex={-1}>
        {children}
      </main>
    </>
  );
};
