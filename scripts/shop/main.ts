// The demo shop alone: `npx node scripts/shop/main.ts`, on SHOP_PORT (8788).
//
// While it runs, its recommendations are made slow and useless, and good again, by
//   curl -H 'content-type: application/json' -d '{"recommendations":{"delayMs":350,"useful":false}}' :8788/control
// from this machine. Without Sluice in front no feature shows; to see one, send its header:
//   curl -H 'Sluice-Features: feat_smart_recs_v1=treatment, feat_express_checkout=treatment' :8788/
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

const shop = await startShop({ port: port.data });
console.log(`The shop is open: ${shop.url}`);

const close = (): void => void shop.stop().then(() => process.exit(0));
process.once("SIGINT", close);
process.once("SIGTERM", close);
