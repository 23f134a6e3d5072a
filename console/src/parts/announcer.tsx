// Says to whoever does not see the page that a feature was rolled back, on whatever page they are.
import { useEffect, useState } from "preact/hooks";
import { listen } from "../live.ts";

export const Announcer = () => {
  const [said, say] = useState("");
  useEffect(
    () =>
      listen((event) => {
        if (event.kind === "change" && event.change.action === "rollback")
          say(`${event.change.featureId} was rolled back.`);
      }),
    [],
  );
  return (
    <p class="visually-hidden" role="status" aria-label="News">
      {said}
    </p>
  );
};
