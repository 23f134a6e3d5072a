// Settings of a session that a URL names in its `options`: `-c role=sluice_service`. PgBouncer refuses or forgets what comes with
// the start of a connection, so they are taken out of the URL and set right after it, which every server takes.
import type { ClientBase } from "pg";

const SETTING = /(?<=^|\s)-c\s*([\w.]+)=(\S+)/g;

export type Settings = Readonly<Record<string, string>>;

/** The URL without the settings, and them. Other options stay where they are. */
export const splitSettings = (
  connectionString: string,
): { readonly url: string; readonly settings: Settings } => {
  const url = new URL(connectionString);
  const options = url.searchParams.get("options");
  if (options === null) return { url: connectionString, settings: {} };
  const rest = options.replaceAll(SETTING, "").trim();
  if (rest === "") url.searchParams.delete("options");
  else url.searchParams.set("options", rest);
  // libpq and its ports read a plus sign as itself, not as a space.
  url.search = url.search.replaceAll("+", "%20");
  const found = [...options.matchAll(SETTING)].map(([, name = "", value = ""]) => [name, value]);
  return { url: url.href, settings: Object.fromEntries(found) };
};

/** For as long as the session lasts. */
export const applySettings = async (client: Pick<ClientBase, "query">, settings: Settings): Promise<void> => {
  const names = Object.keys(settings);
  if (names.length === 0) return;
  await client.query(
    "select set_config(name, value, false) from unnest($1::text[], $2::text[]) as setting (name, value)",
    [names, Object.values(settings)],
  );
};
