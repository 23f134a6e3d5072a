import { useEffect } from "preact/hooks";

type Ref<T> = { readonly current: T | null };

/** `/` leads to the search, `j` and `k` from row to row; Enter opens the row, as it does any link. */
export const useKeys = (search: Ref<HTMLInputElement>, table: Ref<HTMLTableElement>): void => {
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      const { target, key } = event;
      const isTyping =
        target instanceof HTMLInputElement ||
        target instanceof HTMLTextAreaElement ||
        target instanceof HTMLSelectElement;
      if (isTyping || event.metaKey || event.ctrlKey || event.altKey) return;
      if (key === "/") {
        event.preventDefault();
        search.current?.focus();
        search.current?.select();
      }
      if (key !== "j" && key !== "k") return;
      const links = [...(table.current?.querySelectorAll<HTMLAnchorElement>("a.name") ?? [])];
      const row = document.activeElement?.closest("tr");
      const at = links.findIndex((link) => row?.contains(link) === true);
      const link = links[key === "j" ? at + 1 : Math.max(0, at - 1)];
      link?.focus({ preventScroll: true });
      link?.closest("tr")?.scrollIntoView({ block: "nearest" });
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, []);
};
