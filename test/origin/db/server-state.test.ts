import { expect, test } from "vitest";
import { serverProblems, type ServerState } from "../../../origin/db/server-state.ts";

const good: ServerState = {
  version: "17.10",
  versionNumber: 171_000,
  isStandby: false,
  isReadOnly: false,
  missingMigrations: [],
};

test.each<[Partial<ServerState>, readonly string[]]>([
  [{}, []],
  [{ version: "18.0", versionNumber: 180_000 }, []],
  [{ version: "17.0", versionNumber: 170_000 }, []],
  [{ version: "16.9", versionNumber: 160_009 }, ["database: PostgreSQL 16.9 is too old, 17 is needed"]],
  [
    { isStandby: true, isReadOnly: true },
    ["database: it is a standby and takes no writes; DATABASE_URL must lead to the primary"],
  ],
  [
    { isReadOnly: true },
    ["database: it takes no writes (default_transaction_read_only is on); no feature can be changed"],
  ],
  [
    { missingMigrations: ["0007_announced_states", "0008_ingest_presence"] },
    [
      "database: it is older than this origin, as after a restore, and lacks 0007_announced_states, 0008_ingest_presence; start the origin again, which brings it up to date",
    ],
  ],
])("a server with %j is named by what is wrong with it", (over, problems) => {
  expect(serverProblems({ ...good, ...over })).toEqual(problems);
});
