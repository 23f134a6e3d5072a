import type { ComponentChildren } from "preact";
import { useRef } from "preact/hooks";

export type Step = {
  readonly name: string;
  readonly isDone: boolean;
  /** What happens, and what to look at. */
  readonly text: ComponentChildren;
};

/** A step that was done once stays done, until the story begins again with another `key`. */
export const useSticky = (key: string, steps: readonly Step[]): Step[] => {
  const done = useRef<{ key: string; names: Set<string> }>({ key, names: new Set() });
  if (done.current.key !== key) done.current = { key, names: new Set() };
  const { names } = done.current;
  for (const { name, isDone } of steps) if (isDone) names.add(name);
  return steps.map((step) => Object.assign({}, step, { isDone: names.has(step.name) }));
};

/** Steps that turn by themselves when they are true. The first that is not is the one to look at. */
export const Steps = ({ steps }: { steps: readonly Step[] }) => {
  const now = steps.findIndex(({ isDone }) => !isDone);
  return (
    <>
      <p class="progress" role="status">
        {now === -1
          ? `All ${steps.length} steps are done.`
          : `Step ${now + 1} of ${steps.length}: ${steps[now]?.name ?? ""}`}
      </p>
      <ol>
        {steps.map(({ name, isDone, text }, at) => (
          <li
            key={name}
            class={isDone ? "done" : at === now ? "now" : ""}
            aria-current={at === now ? "step" : undefined}
          >
            <span class="sign" aria-hidden="true">
              {isDone ? "✓" : at + 1}
            </span>
            <div>
              <h3>
                {name}
                {isDone ? <span class="visually-hidden"> (done)</span> : null}
              </h3>
              {text}
            </div>
          </li>
        ))}
      </ol>
    </>
  );
};
