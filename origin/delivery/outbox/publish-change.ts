// Delivers topic 'state': a committed change becomes events on the bus.
import { z } from "zod";
import { FlagEvent, type FlagBus } from "../bus/flag-bus.ts";
import type { Deliver } from "./dispatch.ts";

const Payload = z.object({
  result: z.object({ revision: z.number(), features: z.array(FlagEvent.omit({ revision: true })) }),
});

export const makePublishChange =
  (bus: FlagBus): Deliver =>
  async ({ payload, lineage, lineageBegunAtMs }) => {
    const { revision, features } = Payload.parse(payload).result;
    const of = { revision, ...(lineage === null ? {} : { lineage, lineageBegunAtMs }) };
    await bus.publish(features.map((feature) => FlagEvent.parse({ ...feature, ...of })));
  };
