// `sluice preview FEATURE --site URL`: prints a link to hand out. Needs the preview keys, and asks the origin for the
// feature's epoch: a link is good for one.
import { defineCommand } from "citty";
import { z } from "zod";
import { KeyRing } from "../../shared/signing/key-ring.ts";
import { MAX_PREVIEW_S } from "../../shared/signing/preview.ts";
import { previewLink, signPreview } from "../features/preview-link.ts";
import { featureIdArgument } from "./arguments.ts";
import { askFor, featurePath, originArgument } from "./ask-origin.ts";
import { UsageError } from "./errors.ts";
import { jsonArgument, printJson, printLine } from "./print.ts";

const MAX_MINUTES = MAX_PREVIEW_S / 60;

const Epoch = z.looseObject({ epoch: z.number().int() });

export const previewCommand = defineCommand({
  meta: {
    name: "preview",
    description: "Print a link that shows one feature open to everybody who opens it, until it expires",
  },
  args: {
    feature: { type: "positional", description: "The feature's id", required: true },
    site: { type: "string", description: "The site's URL, such as https://shop.example", required: true },
    to: { type: "string", description: "Where on the site the preview begins", default: "/" },
    json: jsonArgument,
    origin: originArgument,
    minutes: { type: "string", description: `For how long, at most ${MAX_MINUTES}`, default: "60" },
  },
  run: async ({ args }) => {
    const featureId = featureIdArgument(args.feature);
    const minutes = Number(args.minutes);
    if (!(minutes > 0 && minutes <= MAX_MINUTES))
      throw new UsageError(`--minutes must be a number above 0 and at most ${MAX_MINUTES}`);
    const keys = KeyRing.safeParse(process.env["PREVIEW_KEYS"] ?? "");
    if (!keys.success) throw new UsageError(`PREVIEW_KEYS ${keys.error.issues[0]?.message ?? "is wrong"}`);
    const { epoch } = await askFor(args.origin, { path: featurePath(featureId) }, Epoch);
    const expires = Math.floor(Date.now() / 1_000 + minutes * 60);
    const token = signPreview(keys.data[0], { featureId, expires, epoch });
    const url = previewLink(args.site, token, args.to);
    if (args.json) printJson({ featureId, url, expiresAt: new Date(expires * 1_000).toISOString() });
    else printLine(url);
  },
});
