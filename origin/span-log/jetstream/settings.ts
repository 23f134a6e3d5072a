// Where the log's JetStream is, as plain values: a thread gets them too.
import { z } from "zod";

export const JetStreamSettings = z.strictObject({
  /** Servers of one cluster, `nats:` or `tls:`; a user and a password may stand in them. */
  urls: z.array(z.string()),
  /** The streams are named `<prefix>-<partition>`, their subjects `<prefix>.<partition>`. */
  prefix: z.string(),
  replicas: z.number().int(),
  caFile: z.string().nullable(),
  credentialsFile: z.string().nullable(),
});
export type JetStreamSettings = z.infer<typeof JetStreamSettings>;

export const streamOf = ({ prefix }: Pick<JetStreamSettings, "prefix">, partition: number): string =>
  `${prefix}-${partition}`;

export const subjectOf = ({ prefix }: Pick<JetStreamSettings, "prefix">, partition: number): string =>
  `${prefix}.${partition}`;
