// ClickHouse as the column store: one statement, over HTTP. The package is loaded only where a ClickHouse is configured.
import { Readable } from "node:stream";
import { errorText } from "../../runtime/error-text.ts";

export type ColumnStore = {
  /** `name`: the same rows always come under the same name, and are stored once. Never throws. */
  readonly insert: (name: string, lines: Buffer) => Promise<Inserted>;
  /** Deletes the rows of these units, and waits until it is done. null: done; otherwise why not. Never throws. */
  readonly deleteUnits: (names: readonly string[]) => Promise<string | null>;
  readonly stop: () => Promise<void>;
};

export type Inserted =
  | { readonly kind: "stored" }
  /** The server reads the rows and cannot take them, now or later. */
  | { readonly kind: "unreadable"; readonly error: string }
  /** It is away, or something has to be put right there: the table, rights, a disk. */
  | { readonly kind: "failed"; readonly error: string };

export type ClickHouseOptions = {
  /** With the database as its path. */
  readonly url: string;
  readonly user: string;
  readonly password: string;
};

const TIMEOUT_MS = 30_000;
/** Errors of the data alone: https://github.com/ClickHouse/ClickHouse/blob/master/src/Common/ErrorCodes.cpp */
const OF_DATA =
  /^(?:CANNOT_PARSE_|CANNOT_READ_ALL_DATA$|CANNOT_READ_ARRAY|INCORRECT_DATA$|TOO_LARGE_STRING_SIZE$|VALUE_IS_OUT_OF_RANGE|ARGUMENT_OUT_OF_BOUND$)/;

const drain = async (stream: Readable): Promise<void> => {
  for await (const _ of stream);
};

export const connectClickHouse = async ({ url, user, password }: ClickHouseOptions): Promise<ColumnStore> => {
  const { ClickHouseError, ClickHouseLogLevel, createClient } = await import("@clickhouse/client");
  const { origin, pathname } = new URL(url);
  const client = createClient({
    url: origin,
    database: decodeURIComponent(pathname.slice(1)) || "default",
    username: user,
    password,
    application: "sluice",
    request_timeout: TIMEOUT_MS,
    max_open_connections: 1,
    compression: { request: true },
    log: { level: ClickHouseLogLevel.OFF },
  });
  const send = async (name: string, lines: Buffer): Promise<void> => {
    const { stream } = await client.exec({
      query: "insert into otel_spans format JSONEachRow",
      values: Readable.from([lines], { objectMode: false }),
      clickhouse_settings: {
        insert_deduplication_token: name,
        // The answer comes when the rows are stored.
        async_insert: 0,
        wait_end_of_query: 1,
        // A table of an older version lacks columns that a newer origin knows.
        input_format_skip_unknown_fields: 1,
      },
    });
    await drain(stream);
  };
  return {
    insert: async (name, lines) => {
      try {
        await send(name, lines);
        return { kind: "stored" };
      } catch (error) {
        if (!(error instanceof ClickHouseError)) return { kind: "failed", error: errorText(error) };
        const text = `${error.type ?? error.code}: ${error.message}`.slice(0, 500);
        return { kind: OF_DATA.test(error.type ?? "") ? "unreadable" : "failed", error: text };
      }
    },
    deleteUnits: async (names) => {
      try {
        // In hexadecimal a name can be nothing but a name. On all replicas: `mutations_sync`.
        const list = names.map((name) => `unhex('${Buffer.from(name).toString("hex")}')`).join(", ");
        const query = `alter table otel_spans delete where user_id in (${list}) settings mutations_sync = 2`;
        const { stream } = await client.exec({ query });
        await drain(stream);
        return null;
      } catch (error) {
        return error instanceof ClickHouseError
          ? `${error.type ?? error.code}: ${error.message}`.slice(0, 500)
          : errorText(error);
      }
    },
    stop: () => client.close(),
  };
};
