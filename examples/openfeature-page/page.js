// Shows the week's forecast to those who get `feat_week`, and hides it again when the feature closes.
import { OFREPWebProvider } from "@openfeature/ofrep-web-provider";
import { OpenFeature, ProviderEvents } from "@openfeature/web-sdk";

// network-first: the page begins with the edge's answer and not with the one that the browser stored on the last visit.
const provider = new OFREPWebProvider({ baseUrl: `${location.origin}/.sluice`, cacheMode: "network-first" });
await OpenFeature.setProviderAndWait(provider);
const client = OpenFeature.getClient();

const show = () => {
  const { value, variant, reason } = client.getBooleanDetails("feat_week", false);
  document.querySelector("#week").hidden = !value;
  document.querySelector("#status").textContent = `feat_week: ${value} (${variant}, ${reason})`;
};
client.addHandler(ProviderEvents.ConfigurationChanged, show);
show();

document.querySelector("#remind").addEventListener("click", (event) => {
  event.target.textContent = "We will remind you";
  // What happens in the page only, the page tells by itself.
  const activation = JSON.stringify({ type: "activation", featureId: "feat_week" });
  navigator.sendBeacon("/.sluice/events", activation);
});
