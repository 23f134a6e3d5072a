// The demo shop alone: `npm run shop`, on SHOP_PORT (8788). Without Sluice in front no feature shows;
// it prints how to see one all the same, and how to make the recommendations slow and useless while it runs.
import { randomBytes } from "node:crypto";
import { z } from "zod";
import { startShop } from "./start.ts";

const port = z.coerce
  .number()
  .int()
  .min(0)
  .max(65_535)
  .safeParse(process.env["SHOP_PORT"] ?? "8788");
if (!port.success) {
  console.error("SHOP_PORT must be a port number, 0 to 65535.");
  process.exit(1);
}

const controlToken = randomBytes(12).toString("hex");
const shop = await startShop({ port: port.data, controlToken });
console.log(`The shop is open: ${shop.url}

With the features that a gate in front would announce:
  curl -H 'Sluice-Features: feat_smart_recs_v1=treatment, feat_express_checkout=treatment' ${shop.url}/
To make its recommendations slow and useless, from this machine:
  curl -H 'Authorization: Bearer ${controlToken}' -H 'Content-Type: application/json' \\
    -d '{"recommendations":{"delayMs":350,"useful":false}}' ${shop.url}/control`);

const close = (): void => void shop.stop().then(() => process.exit(0));
process.once("SIGINT", close);
process.once("SIGTERM", close);
