// POST /login/oauth/access_token: code, refresh token or device code in, token pair out; refusals are HTTP 200 (github-facts 3.3).
import { createHash } from "node:crypto";
import { pollDevice } from "./device.ts";
import type { Ask, Reply } from "./exchange.ts";
import { bodyFields, reply } from "./exchange.ts";
import type { Client, Token } from "./model.ts";
import type { OAuthError } from "./oauth-answer.ts";
import { encode, oauthError } from "./oauth-answer.ts";
import type { World } from "./world.ts";

const DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code";

export function accessToken(world: World, ask: Ask): Reply {
  if (ask.method !== "POST") return reply(404, { "Content-Type": "text/plain; charset=utf-8" }, "Not Found");
  const outcome = exchange(world, bodyFields(ask));
  return encode(ask, "error" in outcome ? { ...outcome } : pairOf(outcome, world.clock.now()));
}

function exchange(world: World, form: URLSearchParams): Token | OAuthError {
  const grant = form.get("grant_type") ?? "authorization_code";
  const client = world.client(form.get("client_id"));
  if (client === undefined) return badClient();
  if (grant === DEVICE_GRANT) return pollDevice(world, client, form.get("device_code") ?? "");
  const secretIsRight = form.get("client_secret") === client.clientSecret;
  if (grant === "refresh_token") return refresh(world, client, form.get("refresh_token") ?? "", secretIsRight);
  if (!secretIsRight) return badClient();
  if (grant === "authorization_code") return redeemCode(world, client, form);
  return oauthError("unsupported_grant_type", "The grant type is not supported.", "#unsupported-grant-type");
}

/** The secret is required unless the token came from the device flow (github-facts 3.1). */
function refresh(world: World, client: Client, presented: string, secretIsRight: boolean): Token | OAuthError {
  const excused = world.tokens.byRefresh(client, presented)?.fromDevice === true;
  if (!secretIsRight && !excused) return badClient();
  return world.tokens.rotate(client, presented) ?? badRefresh();
}

function redeemCode(world: World, client: Client, form: URLSearchParams): Token | OAuthError {
  const code = world.codes.usable(form.get("code") ?? "", client);
  if (code === undefined) return badCode();
  const redirectUri = form.get("redirect_uri");
  if (redirectUri !== null && redirectUri !== code.redirectUri) {
    return oauthError(
      "redirect_uri_mismatch",
      "The redirect_uri MUST match the registered callback URL for this application.",
      "#redirect-uri-mismatch2",
    );
  }
  // Spent by the first redemption that names client and redirect right, also when its verifier is wrong.
  code.spent = true;
  if (code.challenge !== null && code.challenge !== s256(form.get("code_verifier") ?? "")) return badCode();
  return world.tokens.issue({
    user: code.user,
    client,
    scopes: code.scopes,
    repositoryIds: narrowedTo(world, client, form.get("repository_id")),
  });
}

/** repository_id limits a GitHub App's user token to one repository and is silently ignored if inaccessible. */
function narrowedTo(world: World, client: Client, asked: string | null): number[] | null {
  const repo = world.repositoryById(Number(asked));
  if (asked === null || client.kind !== "github-app" || repo === undefined) return null;
  return world.installationFor(client, repo) === undefined ? null : [repo.id];
}

function s256(verifier: string): string {
  return createHash("sha256").update(verifier).digest("base64url");
}

function pairOf(token: Token, now: number): Record<string, string | number> {
  const scope = token.scopes.join(",");
  const access = { access_token: token.access, token_type: "bearer", scope };
  if (token.refresh === null) return access;
  return {
    access_token: token.access,
    expires_in: Math.round(((token.accessExpiresAt ?? now) - now) / 1000),
    refresh_token: token.refresh,
    refresh_token_expires_in: Math.round(((token.refreshExpiresAt ?? now) - now) / 1000),
    token_type: "bearer",
    scope,
  };
}

function badClient(): OAuthError {
  return oauthError(
    "incorrect_client_credentials",
    "The client_id and/or client_secret passed are incorrect.",
    "#incorrect-client-credentials",
  );
}

function badCode(): OAuthError {
  return oauthError("bad_verification_code", "The code passed is incorrect or expired.", "#bad-verification-code");
}

function badRefresh(): OAuthError {
  return oauthError("bad_refresh_token", "The refresh token passed is incorrect or expired.", "#bad-verification-code");
}
