// Microsoft, Discord, GitLab, Linear and Atlassian as their documents tell them.
import { type Facts, standardPair, standardSays } from "./facts.ts";

const plainScopes = { parameter: "scope", separator: " ", demanded: [] } as const;
const unauthorized = { status: 401, body: { message: "401: Unauthorized", code: 0 } };

/** learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow */
export const microsoft: Facts = {
  preset: "microsoft",
  authorize: {
    at: "login.microsoftonline.com/common/oauth2/v2.0/authorize",
    demands: { response_mode: "query" },
    scopes: plainScopes,
    pkce: "enforced",
    iss: null,
  },
  token: {
    at: "login.microsoftonline.com/common/oauth2/v2.0/token",
    type: "form",
    proof: "body",
    headers: {},
    first: standardPair(3599),
    refreshed: standardPair(3599),
    says: { ...standardSays(), badRedirect: { status: 400, body: { error: "invalid_client", error_codes: [50011] } } },
    refresh: "overlapping",
    refreshNeeds: { parameter: "scope", includes: "offline_access" },
  },
  revoke: null,
  person: {
    at: "graph.microsoft.com/v1.0/me",
    method: "GET",
    headers: {},
    asks: null,
    scope: "User.Read",
    answer: { id: "87d349ed", displayName: "Ada", userPrincipalName: "ada@example.com", mail: null },
    refused: {
      status: 401,
      body: { error: { code: "InvalidAuthenticationToken", message: "Access token is empty." } },
    },
    is: { id: "87d349ed", login: "ada@example.com", name: "Ada" },
  },
};

/** docs.discord.com/developers/topics/oauth2 */
export const discord: Facts = {
  preset: "discord",
  authorize: { at: "discord.com/oauth2/authorize", demands: {}, scopes: plainScopes, pkce: "enforced", iss: null },
  token: {
    at: "discord.com/api/oauth2/token",
    type: "form",
    proof: "body",
    headers: {},
    first: standardPair(604_800),
    refreshed: standardPair(604_800),
    says: standardSays(),
    refresh: "rotating",
    refreshNeeds: null,
  },
  revoke: {
    at: "discord.com/api/oauth2/token/revoke",
    type: "form",
    proof: "body",
    headers: {},
    members: ["token"],
    besides: ["token_type_hint"],
    ends: "grant",
    done: { status: 200, body: {} },
    dead: { status: 200, body: {} },
    badRequest: { status: 400, body: { error: "invalid_request" } },
  },
  person: {
    at: "discord.com/api/v10/users/@me",
    method: "GET",
    headers: {},
    asks: null,
    scope: "identify",
    answer: { id: "268473310986240001", username: "ada", discriminator: "0", global_name: "Ada" },
    refused: unauthorized,
    is: { id: "268473310986240001", login: "ada", name: "Ada" },
  },
};

/** docs.gitlab.com/api/oauth2 */
export const gitlab: Facts = {
  preset: "gitlab",
  authorize: {
    at: "gitlab.com/oauth/authorize",
    demands: {},
    scopes: { ...plainScopes, demanded: ["read_user"] },
    pkce: "enforced",
    iss: null,
  },
  token: {
    at: "gitlab.com/oauth/token",
    type: "form",
    proof: "body",
    headers: {},
    first: standardPair(7200),
    refreshed: standardPair(7200),
    says: standardSays(),
    refresh: "rotating",
    refreshNeeds: null,
  },
  revoke: {
    at: "gitlab.com/oauth/revoke",
    type: "form",
    proof: "body",
    headers: {},
    members: ["token"],
    besides: ["token_type_hint"],
    ends: "token",
    done: { status: 200, body: {} },
    dead: { status: 200, body: {} },
    badRequest: { status: 403, body: { error: "unauthorized_client" } },
  },
  person: {
    at: "gitlab.com/api/v4/user",
    method: "GET",
    headers: {},
    asks: null,
    scope: "read_user",
    answer: { id: 1, username: "ada", name: "Ada", state: "active" },
    refused: { status: 401, body: { error: "invalid_token", error_description: "Token was revoked." } },
    is: { id: "1", login: "ada", name: "Ada" },
  },
};

/** linear.app/developers/oauth-2-0-authentication */
export const linear: Facts = {
  preset: "linear",
  authorize: {
    at: "linear.app/oauth/authorize",
    demands: {},
    scopes: { parameter: "scope", separator: ",", demanded: ["read"] },
    pkce: "enforced",
    iss: null,
  },
  token: {
    at: "api.linear.app/oauth/token",
    type: "form",
    proof: "body",
    headers: {},
    first: standardPair(86_399),
    refreshed: standardPair(86_399),
    says: standardSays(),
    refresh: "rotating",
    refreshNeeds: null,
  },
  revoke: {
    at: "api.linear.app/oauth/revoke",
    type: "form",
    proof: "none",
    headers: {},
    members: ["access_token", "refresh_token"],
    besides: [],
    ends: "grant",
    done: { status: 200, body: {} },
    dead: { status: 400, body: { error: "Unable to revoke token" } },
    badRequest: { status: 500, body: {} },
  },
  person: {
    at: "api.linear.app/graphql",
    method: "POST",
    headers: {},
    asks: /\{ viewer \{ id name email \} \}/,
    scope: "read",
    answer: { data: { viewer: { id: "5860978b", name: "Ada", email: "ada@example.com" } } },
    refused: { status: 401, body: { errors: [{ message: "Authentication required, not authenticated" }] } },
    is: { id: "5860978b", login: "ada@example.com", name: "Ada" },
  },
};

/** developer.atlassian.com/cloud/jira/platform/oauth-2-3lo-apps */
export const atlassian: Facts = {
  preset: "atlassian",
  authorize: {
    at: "auth.atlassian.com/authorize",
    demands: { audience: "api.atlassian.com", prompt: "consent" },
    scopes: plainScopes,
    pkce: "ignored",
    iss: null,
  },
  token: {
    at: "auth.atlassian.com/oauth/token",
    type: "json",
    proof: "body",
    headers: {},
    first: standardPair(3600),
    refreshed: standardPair(3600),
    says: {
      ...standardSays(),
      badClient: { status: 401, body: { error: "access_denied", error_description: "Unauthorized" } },
      badRefresh: {
        status: 403,
        body: { error: "unauthorized_client", error_description: "refresh_token is invalid" },
      },
    },
    refresh: "rotating",
    refreshNeeds: { parameter: "scope", includes: "offline_access" },
  },
  revoke: null,
  person: {
    at: "api.atlassian.com/me",
    method: "GET",
    headers: {},
    asks: null,
    scope: "read:me",
    answer: { account_type: "atlassian", account_id: "112233aa", email: "ada@example.com", name: "Ada" },
    refused: { status: 401, body: { code: 401, message: "Unauthorized" } },
    is: { id: "112233aa", login: "ada@example.com", name: "Ada" },
  },
};
