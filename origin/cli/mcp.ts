// `sluice mcp`: the tools for an agent that starts this command and talks to it on standard input and output (MCP's stdio).
// Standard output has the protocol and nothing else.
import { defineCommand } from "citty";
import { errorText } from "../runtime/error-text.ts";
import { askOrigin, originArgument } from "./ask-origin.ts";
import { say } from "./print.ts";

export const mcpCommand = defineCommand({
  meta: { name: "mcp", description: "Serve an agent on standard input and output, with the token's scope" },
  args: { origin: originArgument },
  run: async ({ args }) => {
    // Not with the other commands, which would all take a fifth of a second longer.
    const { StdioServerTransport } = await import("@modelcontextprotocol/sdk/server/stdio.js");
    const { makeMcpServer } = await import("../agents/mcp-server.ts");
    const transport = new StdioServerTransport();
    const server = makeMcpServer({
      // An agent may do what a token that was made for it allows, and nothing because it was started beside a stack.
      ask: (request) => askOrigin(args.origin, { ...request, needsGivenToken: true }),
      report: (error, tool) => say(`sluice: ${tool}: ${errorText(error)}`),
    });
    // oxlint-disable-next-line unicorn/prefer-add-event-listener -- the SDK's server has this alone
    server.onerror = (error) => say(`sluice: ${errorText(error)}`);
    // The agent has gone: nobody reads what would come.
    process.stdin.once("end", () => void server.close());
    await server.connect(transport);
  },
});
