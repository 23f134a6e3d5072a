// The logs that the conformance suite is run on, each on its real servers, with the harm that the suite does to them.
import { randomBytes } from "node:crypto";
import { jetstream } from "@nats-io/jetstream";
import { setTimeout as sleep } from "node:timers/promises";
import { makePool, type Pool } from "../../../../origin/db/pool.ts";
import { makeSpanLog } from "../../../../origin/span-log/append.ts";
import { makeJetStreamLog } from "../../../../origin/span-log/jetstream/append.ts";
import { makeNatsLink, type NatsLink } from "../../../../origin/span-log/jetstream/link.ts";
import { makeJetStreamReader } from "../../../../origin/span-log/jetstream/read.ts";
import { removeFolded } from "../../../../origin/span-log/jetstream/retain.ts";
import { streamOf, type JetStreamSettings } from "../../../../origin/span-log/jetstream/settings.ts";
import { ensureStreams, isStreamMissing, manage } from "../../../../origin/span-log/jetstream/streams.ts";
import { dropFoldedLogPartitions, ensureLogPartitions } from "../../../../origin/span-log/partitions.ts";
import { makePostgresLogReader } from "../../../../origin/span-log/read-log.ts";
import type { FoldPositions, SpanLog, SpanLogReader } from "../../../../origin/span-log/span-log.ts";
import { startCuttableProxy, type CuttableProxy } from "../../../support/cuttable-proxy.ts";
import { makeTestDatabase } from "../../../support/database.ts";
import { jetStreamSettings, type TestNats } from "../../../support/nats.ts";
import { waitFor } from "../../../support/telemetry.ts";
import { ALL } from "./fold-of-tests.ts";

export type LogUnderTest = {
  /** An ingest process; its way to the log can be cut. */
  readonly newWriter: () => Promise<{
    readonly log: SpanLog;
    readonly cut: () => void;
    readonly mend: () => Promise<void>;
  }>;
  /** A fold process that has just started. */
  readonly newReader: (onProblem?: (problem: string) => void) => Promise<SpanLogReader>;
  /** Appends are refused from now on until there is room. */
  readonly fill: () => Promise<void>;
  readonly makeRoom: () => Promise<void>;
  /** The server that appends go to dies, and comes back or is replaced. */
  readonly killLeader: () => Promise<void>;
  /** Removes what is folded, as if all that is there were `seconds` older. */
  readonly removeFoldedAfter: (seconds: number, positions: FoldPositions) => Promise<void>;
  /** Removes the first blocks of a partition that are not folded, as only a person does. */
  readonly loseUnfolded: (partition: number, blocks: number, positions: FoldPositions) => Promise<void>;
  readonly stop: () => Promise<void>;
};

const proxied = async (url: string): Promise<{ proxy: CuttableProxy; through: string }> => {
  const proxy = await startCuttableProxy(url);
  const through = new URL(url);
  through.host = new URL(proxy.url).host;
  return { proxy, through: through.href };
};

export const postgresLog = async (): Promise<LogUnderTest> => {
  const database = await makeTestDatabase();
  const { pool } = database;
  await ensureLogPartitions(pool, 1);
  const ends: (() => unknown)[] = [];
  const newPool = (url: string): Pool => {
    const made = makePool(url, { applicationName: "sluice-test-log", max: 2, onIdleError: () => {} });
    ends.push(() => made.end());
    return made;
  };
  return {
    newWriter: async () => {
      const { proxy, through } = await proxied(database.url);
      ends.push(proxy.stop);
      return {
        log: makeSpanLog({ pool: newPool(through), partitions: ALL.length }),
        cut: proxy.cut,
        mend: async () => proxy.mend(),
      };
    },
    newReader: async () => makePostgresLogReader(newPool(database.url)),
    fill: async () => {
      await pool.query(`
        create function refuse_row() returns trigger language plpgsql as
          $$ begin raise exception 'no space left on device' using errcode = 'disk_full'; end $$;
        create trigger refuse_row before insert on span_log for each row execute function refuse_row()`);
    },
    makeRoom: async () => {
      await pool.query("drop trigger refuse_row on span_log; drop function refuse_row()");
    },
    killLeader: async () => {
      await pool.query(
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'sluice-test-log'",
      );
    },
    removeFoldedAfter: async (seconds, { checkpoints }) => {
      const hours = Math.ceil(seconds / 3_600) + 1;
      // A partition of that time, which its rows move to.
      await pool.query(`
        do $$ declare
          hour timestamptz := date_trunc('hour', now(), 'UTC') - interval '${hours} hours';
        begin
          execute format('create table %I partition of span_log for values from (%L) to (%L)',
            'span_log_' || to_char(hour at time zone 'UTC', 'YYYYMMDD_HH24'), hour, hour + interval '1 hour');
          update span_log set at = hour;
        end $$`);
      await dropFoldedLogPartitions(pool, checkpoints);
    },
    loseUnfolded: async (partition, blocks) => {
      await pool.query(
        `delete from span_log where partition = $1 and (writer, seq) in (
           select writer, seq from span_log
           where partition = $1 and writer = (select max(writer) from span_log) order by seq limit $2)`,
        [partition, blocks],
      );
    },
    stop: async () => {
      await Promise.all(ends.map((end) => end()));
      await database.drop();
    },
  };
};

/** `nats`: a cluster that the tests of a file share; each has streams of its own. */
export const jetStreamLog = async (nats: TestNats): Promise<LogUnderTest> => {
  const database = await makeTestDatabase();
  const settings = jetStreamSettings(nats, `test-${randomBytes(6).toString("hex")}`);
  const ends: (() => unknown)[] = [];
  const newLink = async (its: JetStreamSettings): Promise<NatsLink> => {
    const link = makeNatsLink(its, "sluice-test");
    ends.push(link.close);
    // A cluster that has just started has no leader yet.
    await waitFor(async () => {
      try {
        return await ensureStreams(link.connection(), its, ALL);
      } catch {
        return undefined;
      }
    });
    return link;
  };
  const link = await newLink(settings);
  const filler = `${settings.prefix}-filler`;
  return {
    newWriter: async () => {
      const ways = await Promise.all(nats.urls.map(proxied));
      ends.push(...ways.map(({ proxy }) => proxy.stop));
      const own = await newLink({ ...settings, urls: ways.map(({ through }) => through) });
      return {
        log: makeJetStreamLog({ link: own, settings, partitions: ALL.length }),
        cut: () => {
          for (const { proxy } of ways) proxy.cut();
        },
        mend: async () => {
          for (const { proxy } of ways) proxy.mend();
          await waitFor(async () => {
            try {
              return own.connection();
            } catch {
              return undefined;
            }
          });
        },
      };
    },
    newReader: async (onProblem = () => {}) =>
      makeJetStreamReader({
        link: await newLink(settings),
        settings,
        pool: database.servicePool,
        nowMs: Date.now,
        onProblem,
        onLost: onProblem,
      }),
    fill: async () => {
      const manager = await manage(link.connection());
      await manager.streams.add({ name: filler, subjects: [filler], num_replicas: settings.replicas });
      const js = jetstream(link.connection());
      const chunk = Buffer.alloc(1_000_000);
      // More than max_file_store; the last ones are refused.
      await Promise.allSettled(Array.from({ length: 20 }, () => js.publish(filler, chunk)));
    },
    makeRoom: async () => {
      // A server that is full gives up the lead of the cluster, and the next one takes its time.
      await waitFor(async () => {
        const manager = await manage(link.connection());
        return manager.streams.delete(filler).catch(isStreamMissing);
      });
    },
    killLeader: async () => {
      const manager = await manage(link.connection());
      const leader = (await manager.streams.info(streamOf(settings, 0))).cluster?.leader;
      const node = nats.nodes.find(({ name }) => name === leader);
      if (node === undefined) throw new Error("the stream has no leader");
      await node.kill();
      await sleep(300);
      await node.start();
    },
    removeFoldedAfter: async (seconds, positions) => {
      const later = () => Date.now() + seconds * 1_000;
      await removeFolded({ link, settings, pool: database.servicePool, nowMs: later, atLeast: 1 }, positions);
    },
    loseUnfolded: async (partition, blocks, { checkpoints }) => {
      const manager = await manage(link.connection());
      const folded = Math.max(
        ...checkpoints.filter((c) => c.partition === partition).map(({ seq }) => seq),
        0,
      );
      await manager.streams.purge(streamOf(settings, partition), { seq: folded + blocks + 1 });
    },
    stop: async () => {
      const manager = await manage(link.connection());
      for (const partition of [0, 1, 2, 3]) await manager.streams.delete(streamOf(settings, partition));
      await Promise.all(ends.map((end) => end()));
      await database.drop();
    },
  };
};
