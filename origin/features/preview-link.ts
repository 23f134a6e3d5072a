// A link by which an operator sees one feature open, whatever its state (shared/signing/preview.ts).
import { createHmac } from "node:crypto";
import type { Key } from "../../shared/signing/key-ring.ts";
import { previewText, type Preview } from "../../shared/signing/preview.ts";

export const signPreview = ({ kid, secret }: Key, preview: Preview): string => {
  const text = previewText(kid, preview);
  return `${text}.${createHmac("sha256", secret).update(text).digest("base64url")}`;
};

/** `to`: the path of the site where the preview begins. */
export const previewLink = (siteUrl: string, token: string, to: string): string => {
  const url = new URL("/.sluice/preview", siteUrl);
  url.searchParams.set("token", token);
  url.searchParams.set("to", to);
  return url.href;
};

/** Makes links with the edge's key. `site`: where visitors reach the edge, as far as that is known. */
export const makePreviewLinks = ({ key, site }: { key: Key; site: string | null }) => ({
  site,
  make: (preview: Preview, { siteUrl, to }: { siteUrl: string; to: string }): string =>
    previewLink(siteUrl, signPreview(key, preview), to),
});
export type PreviewLinks = ReturnType<typeof makePreviewLinks>;
