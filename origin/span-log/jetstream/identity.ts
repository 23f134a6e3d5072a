// Whose certificate a NATS server may show. The library gives Node no name where the address is an IP; Node then takes "localhost",
// so that a certificate of the right address would be refused and each one of "localhost" taken.
import { isIP } from "node:net";
import { checkServerIdentity, type PeerCertificate } from "node:tls";

/** `urls`: the servers that were named. Which of them answers is not known: the certificate has to be of one. */
export const makeIdentityCheck = (urls: readonly URL[]) => {
  const hosts = urls.map(({ hostname }) => hostname.replaceAll(/[[\]]/g, ""));
  const addresses = hosts.filter((host) => isIP(host) !== 0);
  return (name: string, certificate: PeerCertificate): Error | undefined => {
    const wanted = name === "localhost" ? [...hosts.filter((host) => host === name), ...addresses] : [name];
    let problem: Error | undefined;
    for (const host of wanted) {
      const found = checkServerIdentity(host, certificate);
      if (found === undefined) return undefined;
      problem ??= found;
    }
    return problem ?? new Error("the server has another address than those of SPAN_LOG_URL");
  };
};
