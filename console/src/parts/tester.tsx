// "Who would get this?": one visitor's evaluation by the evaluator of the edge.
import type { TargetedSubmitEvent } from "preact";
import { useState } from "preact/hooks";
import { failureOf, type Failure } from "../api.ts";
import { evaluateFeature, type EvaluationFor } from "../client.gen.ts";
import { Notice } from "./notice.tsx";

export const Tester = ({ featureId }: { featureId: string }) => {
  const [found, setFound] = useState<EvaluationFor | null>(null);
  const [failure, setFailure] = useState<Failure | null>(null);
  const ask = async (event: TargetedSubmitEvent<HTMLFormElement>): Promise<void> => {
    event.preventDefault();
    const fields = new FormData(event.currentTarget);
    const text = (name: string): string | null => {
      const value = fields.get(name);
      return typeof value === "string" && value.trim() !== "" ? value.trim() : null;
    };
    try {
      setFound(
        await evaluateFeature(featureId, {
          visitor: text("visitor"),
          user: text("user"),
          path: text("path"),
          country: text("country"),
        }),
      );
      setFailure(null);
    } catch (error) {
      setFound(null);
      setFailure(failureOf(error));
    }
  };
  return (
    <form class="card tester" onSubmit={(event) => void ask(event)}>
      <div class="fields">
        <label>
          Visitor <input name="visitor" placeholder="as in Sluice-Unit" />
        </label>
        <label>
          User <input name="user" placeholder="signed in at the site" />
        </label>
        <label>
          Path <input name="path" placeholder="any page" />
        </label>
        <label>
          Country <input name="country" maxLength={2} placeholder="DE" />
        </label>
      </div>
      <div class="actions">
        <button type="submit">Who would get it?</button>
      </div>
      {failure === null ? null : <Notice failure={failure} />}
      {found === null ? null : (
        <p class={`notice ${found.open ? "good" : "warn"}`} role="status">
          {found.open ? "✓ Gets the feature" : "○ Does not get it"} ({found.cohort}
          {found.bucket === null ? "" : `, bucket ${found.bucket}`}): {found.reason}
        </p>
      )}
    </form>
  );
};
