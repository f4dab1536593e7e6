// The little of oidc-provider@9.13.3 that the peer test uses; the package brings no types.
declare module "oidc-provider" {
  import type { IncomingMessage, ServerResponse } from "node:http";

  class Provider {
    constructor(issuer: string, configuration: Readonly<Record<string, unknown>>);
    callback(): (request: IncomingMessage, response: ServerResponse) => void;
    on(event: "grant.success", listener: (context: { readonly body: Readonly<Record<string, unknown>> }) => void): this;
  }
  export default Provider;
}
