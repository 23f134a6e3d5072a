import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import type { Resource } from "../resource.ts";
import { Notice } from "./notice.tsx";

/** A page's heading, actions and content; the heading gets the focus, so that a screen reader begins there. */
export const Page = ({
  title,
  lead,
  actions,
  children,
}: {
  title: string;
  lead?: ComponentChildren;
  actions?: ComponentChildren;
  children: ComponentChildren;
}) => {
  useEffect(() => {
    document.title = `${title} · Sluice`;
  }, [title]);
  return (
    <>
      <header class="page-head">
        <div>
          <h1>{title}</h1>
          {lead === undefined ? null : <p class="lead">{lead}</p>}
        </div>
        {actions === undefined ? null : <div class="actions">{actions}</div>}
      </header>
      {children}
    </>
  );
};

/** What was answered, or why nothing is shown. What is old stays, and it is said that it is old. */
export const Loaded = <T,>({
  from,
  children,
}: {
  from: Resource<T>;
  children: (data: T) => ComponentChildren;
}) => (
  <>
    {from.failure === null ? null : <Notice failure={from.failure} retry={from.reload} />}
    {from.data === undefined
      ? from.failure === null && <p class="loading" role="status" aria-busy="true" aria-label="Loading" />
      : children(from.data)}
  </>
);
