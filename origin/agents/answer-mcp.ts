// One message of an agent over HTTP becomes one answer.
import { WebStandardStreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js";
import type { Ask } from "./ask.ts";
import { makeMcpServer } from "./mcp-server.ts";

const rpcError = (code: number, message: string): Response =>
  Response.json({ jsonrpc: "2.0", error: { code, message }, id: null }, { status: 400 });

/** `body`: as JSON; undefined when it is none. */
export const answerMcp = async (
  request: Request,
  options: { body: unknown; ask: Ask; report: (error: unknown, tool: string) => void },
): Promise<Response> => {
  const { body, ask, report } = options;
  if (body === undefined) return rpcError(-32700, "the body is no JSON");
  // MCP has none since 2025-06-18. A batch could take back a request of its own, which would then never be answered.
  if (Array.isArray(body)) return rpcError(-32600, "send one message at a time: batches are not taken");
  const transport = new WebStandardStreamableHTTPServerTransport({ enableJsonResponse: true });
  const server = makeMcpServer({ ask, report });
  await server.connect(transport);
  try {
    return await transport.handleRequest(request, { parsedBody: body });
  } finally {
    await server.close();
  }
};
