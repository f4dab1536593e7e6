// Asks a token endpoint and says what the answer means for the grant. Only an authoritative no says anything about it.
import * as oauth from "oauth4webapi";
import { Credential } from "../crypto/credential.ts";
import { endpointOf } from "./endpoints.ts";
import type { Exchange, Transport } from "./exchange.ts";
import { normalise, splitScopes, unreadableError } from "./oauth-normalise.ts";
import type { Preset } from "./presets/preset.ts";
import type { GrantAnswer, Provider } from "./provider.ts";

/** The standard's no to this grant: RFC 6749 §5.2, OpenID Connect Core §3.1.2.6. */
const grantErrors: readonly string[] = [
  "invalid_grant",
  "expired_token",
  "interaction_required",
  "login_required",
  "consent_required",
  "account_selection_required",
];

/** The standard's no to our client or our request; the grant itself may be fine. */
const clientErrors: readonly string[] = [
  "invalid_client",
  "unauthorized_client",
  "unsupported_grant_type",
  "unsupported_response_type",
  "invalid_request",
  "invalid_scope",
  "redirect_uri_mismatch",
];

export interface GrantPowers {
  readonly transport: Transport;
  readonly now: () => number;
}

/** Who we are and where to ask, as the protocol library wants it. */
export interface Party {
  readonly server: oauth.AuthorizationServer;
  readonly client: oauth.Client;
  readonly auth: oauth.ClientAuth;
}

type RequestOptions = oauth.HttpRequestOptions<"POST", URLSearchParams>;

/** One request to a token endpoint as the library builds it, and how the library reads the answer. */
export interface Step {
  readonly timeoutMs: number;
  readonly send: (party: Party, options: RequestOptions) => Promise<Response>;
  readonly read: (party: Party, response: Response) => Promise<oauth.TokenEndpointResponse>;
}

/** Null when the connection names no usable token endpoint. */
export function partyOf(provider: Provider): Party | null {
  const token = endpointOf(provider, "token");
  if (token === null) return null;
  const secret = provider.clientSecret.reveal();
  return {
    server: {
      issuer: issuerOf(provider) ?? token.origin,
      token_endpoint: token.href,
    },
    client: { client_id: provider.clientId },
    auth: clientAuth(provider.settings.token_auth ?? provider.preset.tokenAuth, secret),
  };
}

function clientAuth(style: Preset["tokenAuth"], secret: string): oauth.ClientAuth {
  switch (style) {
    case "body":
      return oauth.ClientSecretPost(secret);
    case "basic":
      return oauth.ClientSecretBasic(secret);
    case "plain_basic":
      return (_server, { client_id }, _body, headers) => {
        headers.set("authorization", `Basic ${Buffer.from(`${client_id}:${secret}`).toString("base64")}`);
      };
  }
}

/** What `iss` of a callback must be; undefined when nobody told us. */
export function issuerOf({ preset, hosts, settings }: Provider): string | undefined {
  if (settings.issuer !== undefined) return settings.issuer;
  return preset.hosts?.web === hosts.web ? (preset.issuer ?? undefined) : undefined;
}

/** Options that lead the library's request through our transport, and what came back in the end. */
function through(
  transport: Transport,
  preset: Preset,
  { url, timeoutMs }: { readonly url: URL; readonly timeoutMs: number },
): { readonly options: RequestOptions; readonly heard: () => Exchange | undefined } {
  let heard: Exchange | undefined;
  const options: RequestOptions = {
    // Whether http may be spoken to at all is the transport's decision: its guard sees the address.
    // oxlint-disable-next-line typescript/no-deprecated -- marked so by its authors to stand out; nothing replaces it
    [oauth.allowInsecureRequests]: url.protocol === "http:",
    [oauth.customFetch]: async (target, { method, headers, body }) => {
      // The library names itself; the transport names us.
      const { "user-agent": _, ...ours } = headers;
      heard = await transport.exchange({
        method,
        url: new URL(target),
        ...encoded(preset, ours, body),
        timeoutMs,
      });
      return heard.kind === "answer" ? normalise(heard, preset.answers) : Response.error();
    },
  };
  return { options, heard: () => heard };
}

/** A request of the token or revocation endpoint as this provider wants it. */
export function encoded(
  { tokenBody, tokenHeaders }: Preset,
  headers: Readonly<Record<string, string>>,
  body: URLSearchParams,
): { readonly headers: Readonly<Record<string, string>>; readonly body: string } {
  const { "content-type": _, ...others } = headers;
  const form = tokenBody === "form";
  const type = form ? "application/x-www-form-urlencoded;charset=UTF-8" : "application/json";
  return {
    headers: { ...others, ...tokenHeaders, "content-type": type },
    body: form ? body.toString() : JSON.stringify(Object.fromEntries(body)),
  };
}

export async function askForTokens(powers: GrantPowers, provider: Provider, step: Step): Promise<GrantAnswer> {
  const party = partyOf(provider);
  const url = endpointOf(provider, "token");
  if (party === null || url === null) return { kind: "misconfigured", error: "token_url_missing" };
  const { options, heard } = through(powers.transport, provider.preset, { url, timeoutMs: step.timeoutMs });
  // Before sending: the life of a token starts at the provider, so ours may only seem shorter.
  const askedAt = powers.now();
  const response = await step.send(party, options);
  const exchange = heard();
  if (exchange === undefined) return { kind: "failed", reason: "not_sent", sent: false };
  if (exchange.kind === "failed") return { kind: "failed", reason: exchange.reason, sent: exchange.sent };
  try {
    return granted(await step.read(party, response), askedAt);
  } catch (error) {
    return refusedBy(provider, error, exchange.status);
  }
}

function granted(tokens: oauth.TokenEndpointResponse, askedAt: number): GrantAnswer {
  // A DPoP token would be useless to us: we hold no key it is bound to.
  if (tokens.token_type !== "bearer") return { kind: "failed", reason: "token_type_not_supported", sent: true };
  return {
    kind: "granted",
    tokens: {
      access: new Credential(tokens.access_token),
      refresh: tokens.refresh_token === undefined ? null : new Credential(tokens.refresh_token),
      expiresAt: endOf(tokens.expires_in, askedAt),
      refreshExpiresAt: endOf(tokens["refresh_token_expires_in"], askedAt),
      scopes: tokens.scope === undefined ? null : splitScopes(tokens.scope),
    },
  };
}

function endOf(seconds: unknown, askedAt: number): number | null {
  return typeof seconds === "number" ? askedAt + seconds * 1000 : null;
}

function refusedBy(provider: Provider, error: unknown, status: number): GrantAnswer {
  if (status === 429) return { kind: "failed", reason: "status_429", sent: false };
  if (status >= 500) return { kind: "failed", reason: `status_${status}`, sent: true };
  if (error instanceof oauth.ResponseBodyError) return meaningOf(provider, error.error, true);
  const reason = status === 200 ? "answer_not_understood" : `status_${status}`;
  return { kind: "failed", reason, sent: true };
}

/** What an error code of a token endpoint says about the grant. `sent`: whether a grant may have been spent before the error. */
export function meaningOf({ preset }: Provider, code: string, sent: boolean): GrantAnswer {
  const error = /^[a-z_]{1,64}$/.test(code) ? code : unreadableError;
  // The provider's own use of a word comes first: Atlassian says `unauthorized_client` of a dead refresh token.
  if (preset.grantErrors.includes(error)) return { kind: "rejected", error };
  if (preset.clientErrors.includes(error)) return { kind: "misconfigured", error };
  if (grantErrors.includes(error)) return { kind: "rejected", error };
  if (clientErrors.includes(error)) return { kind: "misconfigured", error };
  // slow_down (RFC 8628 §3.5) says that nothing was done.
  return { kind: "failed", reason: error, sent: sent && error !== "slow_down" };
}
