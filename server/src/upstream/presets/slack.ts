// Slack: errors come with status 200 and `ok: false`, and the person's token lies beside the bot's.
import type { Preset } from "./preset.ts";
import { nothingOfGitHub, standard, standardAnswers, standardRevocation, standardUser } from "./standard.ts";

/** docs.slack.dev/authentication/installing-with-oauth, …/using-token-rotation, …/using-pkce and the pages of the methods. */
export const slack: Preset = {
  ...standard,
  name: "slack",
  label: "Slack",
  hosts: { web: "https://slack.com", api: "https://slack.com/api" },
  urls: {
    ...nothingOfGitHub,
    authorize: "{web}/oauth/v2/authorize",
    token: "{api}/oauth.v2.access",
    revoke: "{api}/auth.revoke",
    user: "{api}/auth.test",
  },
  defaultScopes: ["channels:read", "chat:write", "users:read"],
  // `scope` would ask for a bot, which is nobody's own account.
  scopeParameter: "user_scope",
  scopeSeparator: ",",
  // PKCE has to be switched on per app, makes it a public client for good, and fails a client that sends its secret as well.
  pkce: "none",
  // A refresh answers at the top with `token_type: "user"`; a bot's token says "bot" and is not taken for a person's.
  answers: { ...standardAnswers, okMember: "ok", tokenMember: "authed_user", bearerTypes: ["user"] },
  // Without "token rotation" in the app's settings, tokens neither end nor come with a refresh token.
  refresh: "rotating",
  // With rotation each call ends the one token it is given, a refresh token included.
  revocationAsk: {
    ...standardRevocation,
    auth: "none",
    fields: "token",
    // Not `invalid_auth`, here and in `refusals`: a caller's address that Slack disallows gets it too.
    deadErrors: ["token_expired", "account_inactive"],
  },
  grantErrors: ["invalid_code", "code_already_used", "invalid_refresh_token", "token_revoked", "token_expired"],
  clientErrors: ["bad_client_secret", "invalid_client_id", "bad_redirect_uri", "invalid_grant_type", "no_scopes"],
  user: {
    ...standardUser,
    method: "POST",
    id: "user_id",
    within: "team_id",
    login: "user",
    name: null,
    refusals: ["token_revoked", "token_expired", "account_inactive"],
  },
  upstreams: ["https://slack.com"],
  registrationUrl: "https://api.slack.com/apps",
  note: "Scopes are those of the person (user_scope), not of a bot. Slack answers errors with status 200 and ok: false.",
};
