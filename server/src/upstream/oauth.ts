// Everything we ask of an OAuth provider, behind one value: the protocol steps here, the rest next door.
import * as oauth from "oauth4webapi";
import type { Credential } from "../crypto/credential.ts";
import { refreshTimeoutMs } from "../rules/account.ts";
import { Refusal } from "../rules/refusal.ts";
import { endpointOf } from "./endpoints.ts";
import { askForTokens, type GrantPowers, issuerOf, meaningOf, partyOf } from "./oauth-grant.ts";
import { installationsOf, personOf } from "./person.ts";
import type { GrantAnswer, OAuth, Provider } from "./provider.ts";
import { checkToken, revokeTokens } from "./revocation.ts";

const exchangeTimeoutMs = 10_000;

export function makeOAuth(powers: GrantPowers): OAuth {
  const { transport } = powers;
  return {
    authorizeUrl,
    exchange: async (provider, ask) => exchangeCode(powers, provider, ask),
    refresh: async (provider, refresh) => refreshTokens(powers, provider, refresh),
    check: async (provider, access) => checkToken(transport, provider, access),
    revoke: async (provider, tokens, wholeGrant) => revokeTokens(transport, provider, { ...tokens, wholeGrant }),
    person: async (provider, access) => personOf(transport, provider, access),
    installations: async (provider, access) => installationsOf(transport, provider, access),
  };
}

async function authorizeUrl(
  provider: Provider,
  ask: { readonly state: string; readonly verifier: string },
): Promise<string> {
  const { preset, settings } = provider;
  const url = endpointOf(provider, "authorize");
  if (url === null)
    throw new Refusal("connection_misconfigured", {
      detail: "The connection has no usable authorize_url.",
      next: { action: "contact_operator", detail: "The operator has to correct the settings of the connection." },
    });
  const scopes = [...new Set([...provider.scopes, ...preset.requiredScopes])];
  const parameters: Record<string, string> = {
    ...preset.authorizeParameters,
    response_type: "code",
    client_id: provider.clientId,
    redirect_uri: provider.redirectUri,
    state: ask.state,
    ...(preset.pkce === "S256"
      ? {
          code_challenge: await oauth.calculatePKCECodeChallenge(ask.verifier),
          code_challenge_method: "S256",
        }
      : {}),
    ...(preset.sendsScopes && scopes.length > 0
      ? { [preset.scopeParameter]: scopes.join(settings.scope_separator ?? preset.scopeSeparator) }
      : {}),
  };
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  return url.href;
}

interface CallbackAsk {
  readonly callback: URLSearchParams;
  readonly state: string;
  readonly verifier: string;
}

async function exchangeCode(powers: GrantPowers, provider: Provider, ask: CallbackAsk): Promise<GrantAnswer> {
  const validated = validate(provider, ask);
  if (!(validated instanceof URLSearchParams)) return validated;
  // oxlint-disable-next-line typescript/no-deprecated -- marked so by its authors to stand out; a preset says who needs it
  const verifier = provider.preset.pkce === "S256" ? ask.verifier : oauth.nopkce;
  return askForTokens(powers, provider, {
    timeoutMs: exchangeTimeoutMs,
    send: async ({ server, client, auth }, options) =>
      oauth.authorizationCodeGrantRequest(server, client, auth, validated, provider.redirectUri, verifier, options),
    read: async ({ server, client }, response) => oauth.processAuthorizationCodeResponse(server, client, response),
  });
}

/** The parameters of a callback that answers our own request, or what it says instead. */
function validate(provider: Provider, { callback, state }: CallbackAsk): URLSearchParams | GrantAnswer {
  const party = partyOf(provider);
  if (party === null) return { kind: "misconfigured", error: "token_url_missing" };
  const parameters = new URLSearchParams(callback);
  if (!parameters.getAll("iss").every((issuer) => mayAnswer(provider, issuer)))
    return { kind: "rejected", error: "invalid_callback" };
  // GitHub sends `iss` since April 2026, also from servers whose issuer nobody told us: then the library cannot compare it.
  if (issuerOf(provider) === undefined) parameters.delete("iss");
  try {
    const validated = oauth.validateAuthResponse(party.server, party.client, parameters, state);
    return (validated.get("code") ?? "") !== "" ? validated : { kind: "rejected", error: "invalid_callback" };
  } catch (error) {
    // RFC 6749 §4.1.2.1 and OpenID Connect Core §3.1.2.6: at the authorization endpoint this word is the person's.
    if (error instanceof oauth.AuthorizationResponseError)
      return error.error === "access_denied"
        ? { kind: "rejected", error: error.error }
        : meaningOf(provider, error.error, false);
    return { kind: "rejected", error: "invalid_callback" };
  }
}

/**
 * Against the mix-up attack (RFC 9207 §1): where connections share a redirect URI, whoever makes one whose hosts are their own
 * could have the codes of another provider sent there. So the issuer has to be at the host that the person was sent to;
 * the settings may only say more, for they are made by the same hand.
 */
function mayAnswer({ preset, hosts }: Provider, issuer: string): boolean {
  if (preset.callback !== "shared" || preset.hosts?.web === hosts.web) return true;
  return URL.canParse(issuer) && new URL(issuer).origin === new URL(hosts.web).origin;
}

/**
 * Spends a refresh token. `tokens.refresh` is null when the provider did not replace it: the one just used stays in force
 * (RFC 6749 §6), and the caller keeps it.
 */
async function refreshTokens(powers: GrantPowers, provider: Provider, refresh: Credential): Promise<GrantAnswer> {
  return askForTokens(powers, provider, {
    timeoutMs: refreshTimeoutMs,
    send: async ({ server, client, auth }, options) =>
      oauth.refreshTokenGrantRequest(server, client, auth, refresh.reveal(), options),
    read: async ({ server, client }, response) => oauth.processRefreshTokenResponse(server, client, response),
  });
}
