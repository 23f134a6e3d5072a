// The guide beside the pages: its steps, and a button that closes it.
import { lazy } from "preact-iso";
import { guide, showGuide } from "./which.ts";
import "./guide.css";

const FirstRun = lazy(() => import("./first-run.tsx"));
const Tour = lazy(() => import("./tour.tsx"));

const TITLES = { "first-run": "First steps", demo: "The demo, as it happens" } as const;

export const Guide = () => {
  const name = guide.value;
  if (name === null) return null;
  return (
    <aside class="guide" aria-labelledby="guide-title">
      <header>
        <h2 id="guide-title">{TITLES[name]}</h2>
        <button type="button" onClick={() => showGuide(null)}>
          {name === "first-run" ? "Skip" : "Close"}
        </button>
      </header>
      {name === "first-run" ? <FirstRun /> : <Tour />}
      {name === "first-run" ? <p class="hint">It comes back from the Health page.</p> : null}
    </aside>
  );
};
