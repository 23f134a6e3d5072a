// The least a Worker before a site can do: what every gate's cost is held against.
export default {
  fetch(request, env) {
    const { pathname, search } = new URL(request.url);
    return fetch(new Request(env.UPSTREAM_URL + pathname + search, request));
  },
};
