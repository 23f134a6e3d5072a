// What the edge's tests see of the Worker under test and of the world that test/support/outside.ts sets up.
import type * as worker from "../../../edge/worker.ts";

declare global {
  namespace Cloudflare {
    interface GlobalProps {
      mainModule: typeof worker;
    }
  }
}

declare module "vitest" {
  export interface ProvidedContext {
    outsideUrl: string;
    tokenKey: JsonWebKey;
  }
}
