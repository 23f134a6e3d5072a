// A site whose page uses OpenFeature's own web SDK and OFREP provider, served to the browser just as npm ships them.
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { listenOnLoopback } from "./listen.ts";

const require = createRequire(import.meta.url);
const webProvider = require.resolve("@openfeature/ofrep-web-provider");
const ofrepCore = createRequire(webProvider).resolve("@openfeature/ofrep-core");
const webSdk = require.resolve("@openfeature/web-sdk");
const core = createRequire(webSdk).resolve("@openfeature/core");

/** The ES module beside the CommonJS one that Node resolves to. */
const modules: Readonly<Record<string, string>> = {
  "@openfeature/ofrep-web-provider": join(dirname(webProvider), "index.esm.js"),
  "@openfeature/ofrep-core": join(dirname(ofrepCore), "index.esm.js"),
  "@openfeature/web-sdk": join(dirname(webSdk), "../esm/index.js"),
  "@openfeature/core": join(dirname(core), "../esm/index.js"),
};
const imports = Object.fromEntries(Object.keys(modules).map((name) => [name, `/modules/${name}`]));

/** `window.seen` gathers what the feature's value was, and when (ms since 1970), with each event of the provider. */
/** `edge`: where the flags are; empty: at the page's own origin. `credentials`: of the provider's calls. */
type PageOptions = { readonly cacheMode: string; readonly edge: string; readonly credentials: string };

const page = ({ cacheMode, edge, credentials }: PageOptions): string => `<!doctype html>
<script type="importmap">${JSON.stringify({ imports })}</script>
<script type="module">
  import { OpenFeature, ProviderEvents } from "@openfeature/web-sdk";
  import { OFREPWebProvider } from "@openfeature/ofrep-web-provider";
  const client = OpenFeature.getClient();
  const note = () => {
    const { value, reason } = client.getBooleanDetails("feat_live", false);
    window.seen.push({ value, reason, at: Date.now() });
  };
  window.seen = [];
  const baseUrl = (${JSON.stringify(edge)} || location.origin) + "/.sluice";
  const fetchImplementation = (input, init) => fetch(input, { ...init, credentials: ${JSON.stringify(credentials)} });
  const provider = new OFREPWebProvider({ baseUrl, cacheMode: ${JSON.stringify(cacheMode)}, fetchImplementation });
  await OpenFeature.setProviderAndWait(provider).catch((error) => { window.failed = String(error); });
  note();
  client.addHandler(ProviderEvents.ConfigurationChanged, note);
  document.title = "ready";
</script>`;

export type OfrepSite = { readonly url: string; readonly stop: () => void };

export const startOfrepSite = async (): Promise<OfrepSite> => {
  const server = createServer((request, response) => {
    const answer = async (): Promise<void> => {
      const { pathname, searchParams } = new URL(request.url ?? "/", "http://site");
      const file = modules[pathname.replace("/modules/", "")];
      if (file !== undefined) {
        response.writeHead(200, { "Content-Type": "text/javascript" }).end(await readFile(file));
        return;
      }
      response.writeHead(200, { "Content-Type": "text/html" });
      const edge = searchParams.get("edge") ?? "";
      const cacheMode = searchParams.get("cacheMode") ?? "local-cache-first";
      response.end(page({ cacheMode, edge, credentials: searchParams.get("credentials") ?? "same-origin" }));
    };
    void answer();
  });
  const { url } = await listenOnLoopback(server);
  return {
    url,
    stop: () => {
      server.closeAllConnections();
      server.close();
    },
  };
};
