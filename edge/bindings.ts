// What wrangler.toml binds to the Worker. The two Durable Objects are known by their calls, so that this file does not
// import the classes that read it.
import type { HubRpc, ReplicaRpc } from "./snapshot/rpc.ts";

/** Variables and secrets are strings until config.ts has parsed them. */
export type Env = {
  readonly FEATURES: KVNamespace;
  readonly HUB: DurableObjectNamespace<HubRpc>;
  readonly REPLICA: DurableObjectNamespace<ReplicaRpc>;
  /** Holds telemetry while the origin is away, one batch a message. */
  readonly TELEMETRY?: Queue<Uint8Array>;
  readonly [variable: string]: unknown;
};
