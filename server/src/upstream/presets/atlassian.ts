// Atlassian (3LO): JSON at the token endpoint, rotating refresh tokens for `offline_access`, no way to revoke.
import type { Preset } from "./preset.ts";
import { nothingOfGitHub, standard, standardUser } from "./standard.ts";

/** developer.atlassian.com/cloud/jira/platform/oauth-2-3lo-apps. */
export const atlassian: Preset = {
  ...standard,
  name: "atlassian",
  label: "Atlassian (Jira, Confluence)",
  hosts: { web: "https://auth.atlassian.com", api: "https://api.atlassian.com" },
  urls: {
    ...nothingOfGitHub,
    authorize: "{web}/authorize",
    token: "{web}/oauth/token",
    revoke: null,
    user: "{api}/me",
  },
  defaultScopes: ["offline_access", "read:me", "read:jira-work"],
  requiredScopes: ["offline_access", "read:me"],
  authorizeParameters: { audience: "api.atlassian.com", prompt: "consent" },
  tokenBody: "json",
  refresh: "rotating",
  revocation: "none",
  // A dead refresh token is documented as 403 `invalid_grant` and met as 403 `unauthorized_client`; a wrong client gets 401 `access_denied`.
  grantErrors: ["unauthorized_client"],
  clientErrors: ["access_denied"],
  user: { ...standardUser, id: "account_id", login: "email" },
  upstreams: ["https://api.atlassian.com"],
  registrationUrl: "https://developer.atlassian.com/console/myapps/",
  note: "Add the User identity API to the app. Calls go to /ex/jira/{cloud id}/…; GET /oauth/token/accessible-resources lists the ids. Atlassian offers no revocation: people remove the app under Connected apps.",
};
