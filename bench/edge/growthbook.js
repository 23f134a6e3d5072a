// GrowthBook's own edge worker, as its documentation sets it up, with the features in the environment.
import { handleRequest } from "@growthbook/edge-cloudflare";

export default { fetch: (request, env) => handleRequest(request, env) };
