// Whoever leaves a page with something typed and not saved is asked first. What was typed stays in the tab in any case.
import { useLocation } from "preact-iso";
import { useEffect, useRef, useState } from "preact/hooks";
import { isSigningIn } from "../api.ts";

/** A link of the console that a plain click follows in this tab. */
const pathOf = (event: MouseEvent): string | null => {
  if (event.button !== 0 || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return null;
  const link = event.composedPath().find((each) => each instanceof HTMLAnchorElement);
  if (link === undefined || link.origin !== location.origin || link.target === "_blank" || link.download)
    return null;
  const isHere = link.pathname === location.pathname && link.search === location.search;
  return isHere ? null : link.pathname + link.search + link.hash;
};

export const AskBeforeLeaving = ({ what, discard }: { what: string; discard: () => void }) => {
  const { route } = useLocation();
  const [to, setTo] = useState<string | null>(null);
  const dialog = useRef<HTMLDialogElement>(null);
  const isLeaving = useRef(false);

  useEffect(() => {
    const here = location.pathname + location.search;
    const onClick = (event: MouseEvent): void => {
      const path = pathOf(event);
      if (path === null || isLeaving.current) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      setTo(path);
    };
    // The browser has gone back already: this brings it here again, and asks.
    const onPop = (event: PopStateEvent): void => {
      const path = location.pathname + location.search;
      if (path === here || isLeaving.current) return;
      event.stopImmediatePropagation();
      history.pushState(null, "", here);
      setTo(path);
    };
    const onUnload = (event: BeforeUnloadEvent): void => {
      if (!isSigningIn.value && !isLeaving.current) event.preventDefault();
    };
    addEventListener("click", onClick, true);
    addEventListener("popstate", onPop, true);
    addEventListener("beforeunload", onUnload);
    return () => {
      removeEventListener("click", onClick, true);
      removeEventListener("popstate", onPop, true);
      removeEventListener("beforeunload", onUnload);
    };
  }, []);
  useEffect(() => {
    if (to !== null) dialog.current?.showModal();
  }, [to]);

  const leave = (): void => {
    if (to === null) return;
    isLeaving.current = true;
    // The sign-in page and the API's documents are no pages of the console.
    if (/^\/(?:auth|docs)\//.test(to)) location.assign(to);
    else route(to);
  };
  return to === null ? null : (
    <dialog ref={dialog} onClose={() => setTo(null)} aria-labelledby="leaving">
      <h2 id="leaving">Leave without saving?</h2>
      <p>
        {what} has changes that are not saved. This tab keeps them: they are here again when you come back.
      </p>
      <div class="actions">
        <button type="button" class="primary" onClick={() => dialog.current?.close()}>
          Stay
        </button>
        <button type="button" onClick={leave}>
          Leave, and keep them
        </button>
        <button
          type="button"
          class="danger"
          onClick={() => {
            discard();
            leave();
          }}
        >
          Leave, and throw them away
        </button>
      </div>
    </dialog>
  );
};
