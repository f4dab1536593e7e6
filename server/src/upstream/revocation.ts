// Asks a provider whether a token lives, and ends tokens there. Only the provider's own answer counts as a death.
import type { Credential } from "../crypto/credential.ts";
import { isGitHubNotFound } from "./answer-body.ts";
import { endpointOf } from "./endpoints.ts";
import type { Answer, Exchange, Transport } from "./exchange.ts";
import { encoded, partyOf } from "./oauth-grant.ts";
import { normalise } from "./oauth-normalise.ts";
import type { RevocationAsk } from "./presets/preset.ts";
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
  const { access } = ending;
  const { sends } = provider.preset.revocationAsk;
  const refresh = sends === "access" ? null : ending.refresh;
  const first = refresh === null ? "done" : await revokeOne(transport, provider, refresh, "refresh_token");
  if (first === "retry" || (sends === "one" && refresh !== null)) return first;
  const second = await revokeOne(transport, provider, access, "access_token");
  // RFC 7009 §2.2.1 lets a provider know refresh tokens only: then ending that one was all there is to do.
  return second === "unsupported" && refresh !== null ? first : second;
}

type TokenKind = "access_token" | "refresh_token";

async function revokeOne(
  transport: Transport,
  provider: Provider,
  token: Credential,
  kind: TokenKind,
): Promise<RevokeAnswer> {
  const party = partyOf(provider);
  const url = endpointOf(provider, "revoke");
  if (party === null || url === null) return "unsupported";
  const { preset } = provider;
  const body = new URLSearchParams(fieldsOf(preset.revocationAsk, token.reveal(), kind));
  const headers = new Headers({ accept: "application/json" });
  if (preset.revocationAsk.auth === "client") await party.auth(party.server, party.client, body, headers);
  const request = encoded(preset, Object.fromEntries(headers), body);
  const answer = await transport.exchange({ method: "POST", url, ...request, timeoutMs });
  return answer.kind === "failed" ? "retry" : meaningOf(provider, answer);
}

function fieldsOf({ fields }: RevocationAsk, token: string, kind: TokenKind): Readonly<Record<string, string>> {
  switch (fields) {
    case "rfc7009":
      return { token, token_type_hint: kind };
    case "token":
      return { token };
    case "kind":
      return { [kind]: token };
  }
}

async function meaningOf({ preset }: Provider, answer: Answer): Promise<RevokeAnswer> {
  const { revocationAsk, answers } = preset;
  if (answer.status === 404 || answer.status === 405) return "unsupported";
  if (revocationAsk.deadStatuses.includes(answer.status)) return "done";
  const body = (await normalise(answer, answers).json()) as { error?: unknown } | null;
  if (typeof body?.error === "string") return meaningOfError(revocationAsk, body.error);
  // RFC 7009 §2.2: of a success only the status counts, unless the provider says itself what counts.
  const isSuccess = answer.status >= 200 && answer.status < 300;
  return isSuccess && (body !== null || answers.okMember === null) ? "done" : "retry";
}

function meaningOfError(revocationAsk: RevocationAsk, error: string): RevokeAnswer {
  if (error === "unsupported_token_type") return "unsupported";
  return [...deadErrors, ...revocationAsk.deadErrors].includes(error) ? "done" : "retry";
}
