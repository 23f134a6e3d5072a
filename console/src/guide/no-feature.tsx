import { useEffect } from "preact/hooks";
import { beginFirstRun, showGuide } from "./which.ts";

/** An empty installation leads through its first feature, unless somebody would rather look around. */
export const NoFeature = () => {
  useEffect(() => beginFirstRun(), []);
  return (
    <p class="empty">
      There is no feature yet. <a href="/new-feature">Make the first one</a> here or with{" "}
      <code>npx sluice init</code>, or{" "}
      <button type="button" class="link" onClick={() => showGuide("first-run")}>
        show the first steps
      </button>
      .
    </p>
  );
};
