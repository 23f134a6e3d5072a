// The answer to a refused request to one of Sluice's own routes, as a problem of RFC 9457.

const TITLES = {
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  408: "Request Timeout",
  409: "Conflict",
  413: "Content Too Large",
  422: "Unprocessable Content",
  429: "Too Many Requests",
  503: "Service Unavailable",
} as const;

export const problem = (status: keyof typeof TITLES, detail: string): Response =>
  new Response(JSON.stringify({ title: TITLES[status], status, detail }), {
    status,
    headers: { "Content-Type": "application/problem+json" },
  });
