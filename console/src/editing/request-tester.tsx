// "Who would get this?": a request that is pasted, or a unit, answered by the evaluator of the edges. It tests what is edited,
// before it is saved.
import type { TargetedSubmitEvent } from "preact";
import { useEffect, useState } from "preact/hooks";
import { failureOf, type Failure } from "../api.ts";
import { evaluateFeature, type EvaluationFor, type TargetingTrace } from "../client.gen.ts";
import { Notice } from "../parts/notice.tsx";
import { Term } from "../parts/term.tsx";
import { leafText } from "./condition-words.ts";
import { readPastedRequest } from "./pasted-request.ts";
import "./editing.css";

type Body = Parameters<typeof evaluateFeature>[1];

const GROUPS = { and: "all of", or: "one of", not: "not" } as const;

const namesOf = ({ condition, segment, operator }: TargetingTrace): string => {
  if (segment !== undefined) return `segment ${segment}`;
  if (condition !== undefined && "attribute" in condition) return leafText(condition);
  return operator === undefined ? "condition" : GROUPS[operator];
};

const Trace = ({ trace }: { trace: TargetingTrace }) => {
  const inner = [...(trace.conditions ?? []), ...(trace.within === undefined ? [] : [trace.within])];
  return (
    <li class={trace.holds ? "holds" : "fails"}>
      <span aria-hidden="true">{trace.holds ? "✓" : "✗"}</span>{" "}
      <span class="visually-hidden">{trace.holds ? "met:" : "not met:"}</span> {namesOf(trace)}
      {trace.values === undefined ? null : (
        <small>
          {trace.values.length === 0 ? "the request has none" : `the request has ${trace.values.join(", ")}`}
        </small>
      )}
      {inner.length === 0 ? null : (
        <ul>
          {inner.map((each, at) => (
            <Trace key={at} trace={each} />
          ))}
        </ul>
      )}
    </li>
  );
};

const Answer = ({ found }: { found: EvaluationFor }) => (
  <div role="status">
    <p class={`notice ${found.open ? "good" : "warn"}`}>
      {found.open ? "✓ Gets the feature" : "○ Does not get it"} ({found.cohort}
      {found.bucket === null ? "" : `, bucket ${found.bucket}`}): {found.reason}
    </p>
    {found.unit === null ? null : (
      <p>
        <small>
          Unit <code>{found.unit}</code>
        </small>
      </p>
    )}
    {found.targeting == null ? null : (
      <>
        <h3>Targeting</h3>
        <ul class="trace">
          <Trace trace={found.targeting} />
        </ul>
      </>
    )}
  </div>
);

/** `draft`: fields that take the place of what is stored. */
export const RequestTester = ({
  featureId,
  draft = {},
  isClosed,
}: {
  featureId: string;
  draft?: Body["feature"];
  isClosed: boolean;
}) => {
  const [asked, setAsked] = useState<Body | null>(null);
  const [asIfOpen, setAsIfOpen] = useState(true);
  const [found, setFound] = useState<EvaluationFor | null>(null);
  const [failure, setFailure] = useState<Failure | null>(null);
  const feature = { ...draft, ...(isClosed && asIfOpen ? { enabled: true } : {}) };
  const whole = asked === null ? null : JSON.stringify({ ...asked, feature });
  useEffect(() => {
    if (whole === null) return undefined;
    let isOver = false;
    const ask = async (): Promise<void> => {
      try {
        const answer = await evaluateFeature(featureId, JSON.parse(whole));
        if (isOver) return;
        setFound(answer);
        setFailure(null);
      } catch (error) {
        if (isOver) return;
        setFound(null);
        setFailure(failureOf(error));
      }
    };
    void ask();
    return () => {
      isOver = true;
    };
  }, [whole]);
  const submit = (event: TargetedSubmitEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const fields = new FormData(event.currentTarget);
    const text = (name: string): string | null => {
      const value = fields.get(name);
      return typeof value === "string" && value.trim() !== "" ? value.trim() : null;
    };
    const pasted = readPastedRequest(text("request") ?? "");
    setAsked({
      visitor: text("visitor"),
      user: text("user"),
      method: pasted.method,
      path: text("path") ?? pasted.path,
      country: text("country")?.toUpperCase() ?? pasted.country,
      headers: pasted.headers,
      cookies: pasted.cookies,
    });
  };
  return (
    <form class="card tester" aria-label="Who would get it?" onSubmit={submit}>
      <label>
        A request
        <textarea
          name="request"
          rows={4}
          spellcheck={false}
          placeholder={"curl 'https://shop.example/cart' -H 'Accept-Language: de'\nor the lines of its head"}
        />
      </label>
      <div class="fields">
        <label>
          Visitor <input name="visitor" autocomplete="off" placeholder="as in Sluice-Unit" />
        </label>
        <label>
          User <input name="user" autocomplete="off" placeholder="signed in at the site" />
        </label>
        <label>
          Path <input name="path" autocomplete="off" placeholder="any page" />
        </label>
        <label>
          Country <input name="country" autocomplete="off" maxLength={2} placeholder="DE" />
        </label>
      </div>
      {isClosed ? (
        <label class="option">
          <input
            type="checkbox"
            checked={asIfOpen}
            onInput={(event) => setAsIfOpen(event.currentTarget.checked)}
          />
          <span>
            As if it were open
            <small>It is closed now: nobody gets it.</small>
          </span>
        </label>
      ) : null}
      <div class="actions">
        <button type="submit">Who would get it?</button>
      </div>
      <small>
        Who is in <Term of="treatment">treatment</Term> is answered by the evaluator of the edges. Nothing is
        counted, and what you paste is not kept.
      </small>
      {failure === null ? null : <Notice failure={failure} />}
      {found === null ? null : <Answer found={found} />}
    </form>
  );
};
