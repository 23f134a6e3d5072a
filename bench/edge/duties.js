// A proxy that does what any gate has to, and decides nothing: it tells the site who asked for what host, which cohort and unit
// the request has, and that no cache between may keep the answer; and it keeps the answer from shared caches. What it costs beyond
// the pass-through, a gate costs whatever it decides.
export default {
  async fetch(request, env) {
    const { pathname, search, host } = new URL(request.url);
    const { method, body } = request;
    const headers = new Headers(request.headers);
    headers.set("X-Forwarded-Host", host);
    headers.set("X-Forwarded-Proto", "http");
    headers.set("Sluice-Features", "feat_bench_0=treatment");
    headers.set("Sluice-Unit", "anon-abcdefghijklmnopqrstuv");
    headers.set("Cache-Control", "no-cache, no-store");
    const response = await fetch(env.UPSTREAM_URL + pathname + search, {
      method,
      headers,
      body,
      redirect: "manual",
    });
    const marked = new Response(response.body, response);
    marked.headers.set("Cache-Control", "private, no-cache");
    return marked;
  },
};
