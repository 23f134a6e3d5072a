import type { ComponentChildren } from "preact";
import { useLocation } from "preact-iso";
import { useEffect, useRef, useState } from "preact/hooks";
import { CONSOLE_PAGES, type PageGroup } from "../../../shared/console-pages.ts";
import { me } from "../api.ts";
import { Guide } from "../guide/guide.tsx";
import { silentSinceMs } from "../live.ts";
import { formatDuration } from "../format.ts";
import { Announcer } from "./announcer.tsx";
import "./shell.css";
import { nowMs } from "./time.tsx";
import { ZoneChoice } from "./zone-choice.tsx";

const GROUPS = [
  ["watch", "Watch"],
  ["change", "Change"],
  ["govern", "Govern"],
] as const satisfies readonly (readonly [PageGroup, string])[];

const isAt = (path: string, at: string): boolean =>
  at === "/" ? path === "/" || path.startsWith("/features") : path.startsWith(at);

/**
 * A page that is come to by a link has the focus, so that the next key and a screen reader begin there; the first one is left
 * to the browser. Filters of a page are no other page.
 */
const useFocusOfPage = (path: string): { current: HTMLElement | null } => {
  const main = useRef<HTMLElement>(null);
  const shown = useRef(path);
  useEffect(() => {
    if (shown.current === path) return;
    shown.current = path;
    main.current?.focus({ preventScroll: true });
  }, [path]);
  return main;
};

/** What stands around every page: where one is, who one is, and whether what is shown is old. */
export const Shell = ({ children }: { children: ComponentChildren }) => {
  const { path } = useLocation();
  const main = useFocusOfPage(path);
  // On a phone the pages are folded away until they are asked for.
  const [isOpen, setOpen] = useState(false);
  useEffect(() => setOpen(false), [path]);
  return (
    <>
      <a class="skip" href="#main">
        Skip to content
      </a>
      <header class="shell">
        <a class="brand" href="/">
          <img src="/icon.svg" alt="" width="24" height="24" /> Sluice
        </a>
        <button
          type="button"
          class="menu"
          aria-expanded={isOpen}
          aria-controls="pages"
          onClick={() => setOpen(!isOpen)}
        >
          Menu
        </button>
        <div
          id="pages"
          class={isOpen ? "open" : ""}
          onKeyDown={({ key }) => {
            if (key === "Escape") setOpen(false);
          }}
        >
          <nav aria-label="Pages">
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
          </nav>
          <div class="who">
            <span title="As the audit names you">
              {me.value?.actor} <small>{me.value?.scope}</small>
            </span>
            <ZoneChoice />
            <a href="/docs/" target="_blank" rel="noreferrer">
              API
            </a>
            <a href="/auth/sign-in">Sign out</a>
          </div>
        </div>
      </header>
      <Announcer />
      {silentSinceMs.value === null ? null : (
        <p class="stale" role="status">
          The origin has not been heard of for{" "}
          {formatDuration(Math.max(0, nowMs.value - silentSinceMs.value) / 1_000)}: what is shown may be old.
        </p>
      )}
      <Guide />
      <main id="main" ref={main} tabIndex={-1}>
        {children}
      </main>
    </>
  );
};
