import { formatCount } from "../format.ts";

/** Leads from page to page. Each page has an address. */
export const Pager = ({
  shown,
  newest,
  older,
}: {
  /** How many rows the page has. */
  shown: number;
  /** Address of the first page; null: it is shown. */
  newest: string | null;
  /** Address of the next page; null: there is none. */
  older: string | null;
}) =>
  newest === null && older === null ? null : (
    <div class="pager" role="navigation" aria-label="Pages of the list">
      {newest === null ? null : <a href={newest}>Newest</a>}
      <span>{formatCount(shown)} shown</span>
      {older === null ? null : (
        <a href={older} rel="next">
          Older
        </a>
      )}
    </div>
  );
