// Asks a provider whether a token lives, and ends tokens there. Only the provider's own answer counts as a death.
import * as oauth from "oauth4webapi";
import type { Credential } from "../crypto/credential.ts";
import { isGitHubNotFound } from "./answer-body.ts";
import { endpointOf } from "./endpoints.ts";
import type { Answer, Exchange, Transport } from "./exchange.ts";
import { partyOf, through } from "./oauth-grant.ts";
import type { CheckAnswer, Provider, RevokeAnswer } from "./provider.ts";

const timeoutMs = 10_000;

/** RFC 7009 §2.2: an invalid token is no error; the providers that answer one nevertheless mean the same. */
const deadErrors: readonly string[] = ["invalid_token", "invalid_grant", "token_revoked"];

export interface Ending {
  readonly access: Credential;
  readonly refresh: Credential | null;
  readonly wholeGrant: boolean;
}

export async function checkToken(transport: Transport, provider: Provider, access: Credential): Promise<CheckAnswer> {
  const url = endpointOf(provider, "tokenCheck");
  if (provider.preset.tokenCheck === "none" || url === null) return "unsupported";
  const answer = await askAsClient(transport, provider, { method: "POST", url, access });
  if (answer.kind === "failed") return "unknown";
  if (answer.status === 200) return "live";
  if (answer.status !== 404) return "unknown";
  return isGitHubNotFound(answer) ? "dead" : "unsupported";
}

export async function revokeTokens(transport: Transport, provider: Provider, ending: Ending): Promise<RevokeAnswer> {
  switch (provider.preset.revocation) {
    case "github":
      return revokeAtGitHub(transport, provider, ending);
    case "rfc7009":
      return revokeByStandard(transport, provider, ending);
    case "none":
      return "unsupported";
  }
}

async function revokeAtGitHub(
  transport: Transport,
  provider: Provider,
  { access, wholeGrant }: Ending,
): Promise<RevokeAnswer> {
  const url = endpointOf(provider, wholeGrant ? "grant" : "tokenCheck");
  if (url === null) return "unsupported";
  const answer = await askAsClient(transport, provider, { method: "DELETE", url, access });
  if (answer.kind === "failed") return "retry";
  if (answer.status === 204 || answer.status === 422) return "done";
  if (answer.status !== 404) return "retry";
  return isGitHubNotFound(answer) ? "done" : "unsupported";
}

interface ClientAsk {
  readonly method: "POST" | "DELETE";
  readonly url: URL;
  readonly access: Credential;
}

/** GitHub takes client id and secret as plain Basic, without the form encoding of RFC 6749 §2.3.1. */
async function askAsClient(
  transport: Transport,
  provider: Provider,
  { method, url, access }: ClientAsk,
): Promise<Exchange> {
  const pair = Buffer.from(`${provider.clientId}:${provider.clientSecret.reveal()}`).toString("base64");
  return transport.exchange({
    method,
    url,
    headers: {
      ...provider.preset.apiHeaders,
      authorization: `Basic ${pair}`,
      "content-type": "application/json",
    },
    body: JSON.stringify({ access_token: access.reveal() }),
    timeoutMs,
  });
}

/** The refresh token first: with it gone, a failure in between leaves nothing that could live on. */
async function revokeByStandard(transport: Transport, provider: Provider, ending: Ending): Promise<RevokeAnswer> {
  if (endpointOf(provider, "revoke") === null) return "unsupported";
  const first =
    ending.refresh === null ? "done" : await revokeOne(transport, provider, ending.refresh, "refresh_token");
  if (first === "retry") return "retry";
  const second = await revokeOne(transport, provider, ending.access, "access_token");
  // RFC 7009 §2.2.1 lets a provider know refresh tokens only: then ending that one was all there is to do.
  return second === "unsupported" && ending.refresh !== null ? first : second;
}

async function revokeOne(
  transport: Transport,
  provider: Provider,
  token: Credential,
  hint: string,
): Promise<RevokeAnswer> {
  const party = partyOf(provider);
  const url = endpointOf(provider, "revoke");
  if (party === null || url === null) return "unsupported";
  const { options, heard } = through(transport, url, timeoutMs);
  const response = await oauth.revocationRequest(party.server, party.client, party.auth, token.reveal(), {
    ...options,
    additionalParameters: { token_type_hint: hint },
  });
  const exchange = heard();
  if (exchange === undefined || exchange.kind === "failed") return "retry";
  return meaningOf(exchange, response);
}

async function meaningOf(answer: Answer, normalised: Response): Promise<RevokeAnswer> {
  if (answer.status === 404 || answer.status === 405) return "unsupported";
  const body = (await normalised.json()) as { error?: unknown } | null;
  const error = typeof body?.error === "string" ? body.error : undefined;
  if (error === "unsupported_token_type") return "unsupported";
  if (error !== undefined && deadErrors.includes(error)) return "done";
  return answer.status >= 200 && answer.status < 300 && error === undefined ? "done" : "retry";
}
