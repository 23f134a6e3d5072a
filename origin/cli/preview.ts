// `sluice preview FEATURE --site URL`: prints a link to hand out. Needs the push keys.
import { defineCommand } from "citty";
import { KeyRing } from "../../shared/signing/key-ring.ts";
import { MAX_PREVIEW_S } from "../../shared/signing/preview.ts";
import { previewLink, signPreview } from "../features/preview-link.ts";
import { featureIdArgument } from "./arguments.ts";
import { UsageError } from "./errors.ts";

const MAX_MINUTES = MAX_PREVIEW_S / 60;

export const previewCommand = defineCommand({
  meta: {
    name: "preview",
    description: "Print a link that shows one feature open to everybody who opens it, until it expires",
  },
  args: {
    feature: { type: "positional", description: "The feature's id", required: true },
    site: { type: "string", description: "The site's URL, such as https://shop.example", required: true },
    to: { type: "string", description: "Where on the site the preview begins", default: "/" },
    minutes: { type: "string", description: `For how long, at most ${MAX_MINUTES}`, default: "60" },
  },
  run: ({ args }) => {
    const featureId = featureIdArgument(args.feature);
    const minutes = Number(args.minutes);
    if (!(minutes > 0 && minutes <= MAX_MINUTES))
      throw new UsageError(`--minutes must be a number above 0 and at most ${MAX_MINUTES}`);
    const keys = KeyRing.safeParse(process.env["PUSH_KEYS"] ?? "");
    if (!keys.success)
      throw new UsageError("PUSH_KEYS must hold the edge's push keys, as kid:secret[,kid:secret…]");
    const expires = Math.floor(Date.now() / 1_000 + minutes * 60);
    const token = signPreview(keys.data[0], { featureId, expires });
    process.stdout.write(`${previewLink(args.site, token, args.to)}\n`);
  },
});
