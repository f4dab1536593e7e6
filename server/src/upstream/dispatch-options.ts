// What undici is told of a streamed call.
import type { Dispatcher } from "undici";
import type { ForwardRequest } from "./forward-types.ts";

const unusualBody = /^(?:GET|DELETE|OPTIONS)$/;

export function dispatchOptions(
  { base, method, target, credential, headers }: ForwardRequest,
  body: Dispatcher.DispatchOptions["body"],
): Dispatcher.DispatchOptions {
  const slash = base.indexOf("/", base.indexOf("://") + 3);
  return {
    origin: slash === -1 ? base : base.slice(0, slash),
    path: slash === -1 ? target : base.slice(slash) + target,
    method,
    headers: credential === null ? [...headers] : [...headers, "authorization", `Bearer ${credential.reveal()}`],
    body: body ?? null,
    // A server that does not expect a body here may read it as the next request on this connection, which others use.
    // (undici itself says so to a HEAD.)
    ...(body !== null && unusualBody.test(method) ? { reset: true } : {}),
  };
}
