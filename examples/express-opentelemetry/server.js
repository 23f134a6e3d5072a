// An API that no edge stands before, such as the one behind a mobile app. It asks Sluice by OpenFeature who gets the
// feature, and says by OpenTelemetry who met it and who acted.
import { OFREPProvider } from "@openfeature/ofrep-provider";
import { OpenFeature } from "@openfeature/server-sdk";
import { trace } from "@opentelemetry/api";
import express from "express";

const edgeUrl = process.env.SLUICE_EDGE_URL ?? "http://127.0.0.1:8787";
// With a server key Sluice evaluates for users whom it does not know by a cookie.
const headers = [["X-API-Key", process.env.SERVER_KEY ?? ""]];
await OpenFeature.setProviderAndWait(new OFREPProvider({ baseUrl: `${edgeUrl}/.sluice`, headers }));
const features = OpenFeature.getClient();

const app = express();

/** Evaluates the feature for the user and notes it on the request's span. */
app.use(async (request, response, next) => {
  const userId = request.get("X-User");
  if (userId === undefined) return response.status(401).json({ error: "who are you?" });
  const ranking = await features.getBooleanDetails("feat_new_ranking", false, { targetingKey: userId });
  trace.getActiveSpan()?.setAttributes({
    "feature_flag.key": ranking.flagKey,
    "feature_flag.context.id": userId,
    "feature_flag.result.variant": ranking.variant ?? "off",
  });
  response.locals.hasNewRanking = ranking.value;
  return next();
});

app.get("/songs", (request, response) => {
  const songs = ["Blue in Green", "Freddie Freeloader", "So What"];
  response.json(response.locals.hasNewRanking ? songs.toReversed() : songs);
});

app.post("/purchases", (request, response) => {
  trace.getActiveSpan()?.setAttribute("action_taken", true);
  response.status(201).json({ bought: true });
});

const port = Number(process.env.PORT ?? 3000);
app.listen(port, "127.0.0.1", () => console.log(`The API is at http://127.0.0.1:${port}`));
