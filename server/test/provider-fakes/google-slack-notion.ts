// Google, Slack and Notion as their documents tell them: three dialects of the same protocol.
import { type Facts, type Said, standardPair, standardSays } from "./facts.ts";

/** developers.google.com/identity/protocols/oauth2/web-server */
export const google: Facts = {
  preset: "google",
  authorize: {
    at: "accounts.google.com/o/oauth2/v2/auth",
    demands: {},
    scopes: { parameter: "scope", separator: " ", demanded: [] },
    pkce: "enforced",
    iss: "https://accounts.google.com",
  },
  token: {
    at: "oauth2.googleapis.com/token",
    type: "form",
    proof: "body",
    headers: {},
    first: standardPair(3599),
    refreshed: standardPair(3599),
    says: standardSays(),
    refresh: "kept",
    refreshNeeds: { parameter: "access_type", includes: "offline" },
  },
  revoke: {
    at: "oauth2.googleapis.com/revoke",
    type: "form",
    proof: "none",
    headers: {},
    members: ["token"],
    besides: [],
    ends: "grant",
    done: { status: 200, body: {} },
    dead: { status: 400, body: { error: "invalid_token", error_description: "Token expired or revoked" } },
    badRequest: { status: 400, body: { error: "invalid_request" } },
  },
  person: {
    at: "openidconnect.googleapis.com/v1/userinfo",
    method: "GET",
    headers: {},
    asks: null,
    scope: "openid",
    answer: { sub: "110169484474386276334", name: "Ada", email: "ada@example.com", email_verified: true },
    refused: { status: 401, body: { error: "invalid_request", error_description: "Invalid Credentials" } },
    is: { id: "110169484474386276334", login: "ada@example.com", name: "Ada" },
  },
};

function slackNo(error: string): Said {
  return { status: 200, body: { ok: false, error } };
}

/** docs.slack.dev/authentication/using-token-rotation and the pages of the methods */
export const slack: Facts = {
  preset: "slack",
  authorize: {
    at: "slack.com/oauth/v2/authorize",
    demands: {},
    scopes: { parameter: "user_scope", separator: ",", demanded: ["users:read"] },
    pkce: "breaks",
    iss: null,
  },
  token: {
    at: "slack.com/api/oauth.v2.access",
    type: "form",
    proof: "body",
    headers: {},
    // The bot of the same installation lies at the top, and is not the person.
    first: ({ access, refresh, scopes }) => ({
      status: 200,
      body: {
        ok: true,
        access_token: "xoxb-the-bot",
        refresh_token: "xoxe-the-bot",
        expires_in: 43_200,
        token_type: "bot",
        scope: "commands",
        bot_user_id: "U0KRQLJ9H",
        team: { id: "T9TK3CUKW", name: "Team" },
        authed_user: {
          id: "U1234",
          scope: scopes.replaceAll(" ", ","),
          access_token: access,
          refresh_token: refresh,
          expires_in: 43_200,
          token_type: "user",
        },
      },
    }),
    refreshed: ({ access, refresh, scopes }) => ({
      status: 200,
      body: {
        ok: true,
        access_token: access,
        refresh_token: refresh,
        expires_in: 43_200,
        token_type: "user",
        scope: scopes.replaceAll(" ", ","),
        team: { id: "T9TK3CUKW", name: "Team" },
      },
    }),
    says: {
      badRequest: slackNo("invalid_form_data"),
      badClient: slackNo("bad_client_secret"),
      badCode: slackNo("invalid_code"),
      badRedirect: slackNo("bad_redirect_uri"),
      badRefresh: slackNo("invalid_refresh_token"),
    },
    refresh: "rotating",
    refreshNeeds: null,
  },
  revoke: {
    at: "slack.com/api/auth.revoke",
    type: "form",
    proof: "none",
    headers: {},
    members: ["token"],
    besides: ["test"],
    ends: "token",
    done: { status: 200, body: { ok: true, revoked: true } },
    dead: slackNo("token_revoked"),
    badRequest: slackNo("not_authed"),
  },
  person: {
    at: "slack.com/api/auth.test",
    method: "POST",
    headers: {},
    asks: null,
    scope: null,
    answer: {
      ok: true,
      url: "https://team.slack.com/",
      team: "Team",
      user: "ada",
      team_id: "T9TK3CUKW",
      user_id: "U1234",
    },
    refused: slackNo("token_revoked"),
    is: { id: "T9TK3CUKW:U1234", login: "ada", name: null },
  },
};

function notionNo(status: number, code: string): Said {
  return { status, body: { object: "error", status, code, message: code, additional_data: {} } };
}

const notionVersion = { "notion-version": "2025-09-03" };

/** developers.notion.com/reference: create-a-token, refresh-a-token, revoke-token, get-self */
export const notion: Facts = {
  preset: "notion",
  authorize: {
    at: "api.notion.com/v1/oauth/authorize",
    demands: { owner: "user" },
    scopes: { parameter: "scope", separator: " ", demanded: [] },
    pkce: "ignored",
    iss: null,
  },
  token: {
    at: "api.notion.com/v1/oauth/token",
    type: "json",
    proof: "basic",
    headers: notionVersion,
    first: ({ access, refresh }) => ({
      status: 200,
      body: {
        access_token: access,
        token_type: "bearer",
        refresh_token: refresh,
        bot_id: "b1",
        workspace_id: "w1",
        owner: { type: "user", user: { object: "user", id: "5389a034" } },
        duplicated_template_id: null,
      },
    }),
    refreshed: ({ access, refresh }) => ({
      status: 200,
      body: { access_token: access, token_type: "bearer", refresh_token: refresh, bot_id: "b1", workspace_id: "w1" },
    }),
    says: {
      badRequest: notionNo(400, "invalid_request"),
      badClient: { status: 401, body: { error: "invalid_client", request_id: "r1" } },
      badCode: { status: 400, body: { error: "invalid_grant", request_id: "r1" } },
      badRedirect: { status: 400, body: { error: "invalid_grant", request_id: "r1" } },
      badRefresh: notionNo(400, "invalid_grant"),
    },
    refresh: "rotating",
    refreshNeeds: null,
  },
  revoke: {
    at: "api.notion.com/v1/oauth/revoke",
    type: "json",
    proof: "basic",
    headers: notionVersion,
    members: ["token"],
    besides: [],
    ends: "grant",
    done: { status: 200, body: { request_id: "d7b2c7a1" } },
    dead: notionNo(400, "invalid_grant"),
    badRequest: notionNo(400, "invalid_request"),
  },
  person: {
    at: "api.notion.com/v1/users/me",
    method: "GET",
    headers: notionVersion,
    asks: null,
    scope: null,
    answer: {
      object: "user",
      id: "16d84278-bot",
      name: "pied piper",
      type: "bot",
      bot: {
        owner: {
          type: "user",
          user: { object: "user", id: "5389a034", name: "Ada", type: "person", person: { email: "ada@example.com" } },
        },
      },
    },
    refused: notionNo(401, "unauthorized"),
    is: { id: "5389a034", login: "ada@example.com", name: "Ada" },
  },
};
