// A plain proxy as it is usually written: what every gate's cost is held against. With `fetch(url, {method, headers, body})`,
// as the gate does it, it would take some 8 % less.
export default {
  fetch(request, env) {
    const { pathname, search } = new URL(request.url);
    return fetch(new Request(env.UPSTREAM_URL + pathname + search, request));
  },
};
