// One connection to PostgreSQL outside any pool.
import { Client, type ClientConfig } from "pg";

/**
 * The connection may break while nobody has a query under way, as when the server is killed. pg then ends the process
 * unless somebody listens. The next query rejects anyway, so nothing is lost by hearing it.
 */
export const connect = async (config: ClientConfig): Promise<Client> => {
  const client = new Client(config);
  client.on("error", () => {});
  await client.connect();
  return client;
};
