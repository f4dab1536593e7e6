// The address of whoever calls, for limits, logs and audit only: never for a host or a scheme (design §8).
import type { IncomingMessage } from "node:http";
import type { House } from "../flows/house.ts";
import { clientAddress } from "../rules/client-address.ts";

/** What the framework hands along, when it runs on Node's server. */
interface Bindings {
  readonly incoming?: IncomingMessage;
}

export function addressOf(house: Pick<House, "trustedProxies">, { incoming }: Bindings): string | null {
  const remote = incoming?.socket.remoteAddress;
  if (incoming === undefined || remote === undefined) return null;
  const forwarded = incoming.headers["x-forwarded-for"];
  return clientAddress(remote, Array.isArray(forwarded) ? forwarded.join(",") : forwarded, house.trustedProxies);
}
