// GitHub: an OAuth App acts with scopes for ever, a GitHub App with permissions for eight hours at a time.
import type { Preset } from "./preset.ts";
import { nothingOfGitHub, standard, standardUser } from "./standard.ts";

const base = {
  ...standard,
  kind: "github",
  hosts: { web: "https://github.com", api: "https://api.github.com" },
  urls: {
    authorize: "{web}/login/oauth/authorize",
    token: "{web}/login/oauth/access_token",
    revoke: null,
    user: "{api}/user",
    tokenCheck: "{api}/applications/{client_id}/token",
    grant: "{api}/applications/{client_id}/grant",
    installations: "{api}/user/installations",
  },
  issuer: "https://github.com/login/oauth",
  callback: "shared",
  tokenCheck: "github",
  revocation: "github",
  grantErrors: ["bad_verification_code", "bad_refresh_token", "unverified_user_email"],
  clientErrors: ["incorrect_client_credentials", "redirect_uri_mismatch", "application_suspended"],
  apiHeaders: { accept: "application/vnd.github+json", "x-github-api-version": "2022-11-28" },
  user: { ...standardUser, id: "id", login: "login" },
} as const satisfies Partial<Preset>;

export const github: Preset = {
  ...base,
  name: "github",
  label: "GitHub (OAuth App)",
  defaultScopes: ["repo", "read:user"],
  refresh: "none",
  tokenLimit: 10,
  registrationUrl: "{web}/settings/applications/new",
  note: "GitHub keeps at most 10 tokens per person, OAuth App and set of scopes, and silently ends the oldest. Prefer github-app.",
};

export const githubApp: Preset = {
  ...base,
  name: "github-app",
  label: "GitHub (GitHub App)",
  defaultScopes: [],
  sendsScopes: false,
  refresh: "rotating",
  installations: true,
  registrationUrl: "{web}/settings/apps/new",
  note: "People see nothing until the GitHub App is installed on the account or organisation that owns the repositories.",
};

/** No client, so nothing to authorise, refresh or ask about. GitHub's `POST /credentials/revoke` is for tokens found exposed. */
export const githubPat: Preset = {
  ...base,
  name: "github-pat",
  label: "GitHub (personal access token)",
  client: "none",
  urls: { ...nothingOfGitHub, authorize: null, token: null, revoke: null, user: base.urls.user },
  defaultScopes: [],
  sendsScopes: false,
  refresh: "none",
  tokenCheck: "none",
  revocation: "none",
  registrationUrl: "{web}/settings/personal-access-tokens/new",
  note: "Needs no client: bring each token with …/import. A person's own token cannot be revoked from here: delete it at GitHub when its account is deleted.",
};
