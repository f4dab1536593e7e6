// Microsoft Entra: `offline_access` brings a refresh token, every refresh a new one, and nothing revokes either.
import type { Preset } from "./preset.ts";
import { nothingOfGitHub, standard, standardUser } from "./standard.ts";

/** learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow, …/refresh-tokens and graph/api/user-get. */
export const microsoft: Preset = {
  ...standard,
  name: "microsoft",
  label: "Microsoft (Entra ID)",
  hosts: { web: "https://login.microsoftonline.com/common", api: "https://graph.microsoft.com" },
  urls: {
    ...nothingOfGitHub,
    authorize: "{web}/oauth2/v2.0/authorize",
    token: "{web}/oauth2/v2.0/token",
    revoke: null,
    user: "{api}/v1.0/me",
  },
  defaultScopes: ["offline_access", "User.Read"],
  requiredScopes: ["offline_access", "User.Read"],
  authorizeParameters: { response_mode: "query" },
  refresh: "rotating",
  revocation: "none",
  clientErrors: ["invalid_resource"],
  user: { ...standardUser, id: "id", login: "userPrincipalName", name: "displayName" },
  upstreams: ["https://graph.microsoft.com"],
  endpoint: { upstreamUrl: "{api}/v1.0", headers: {} },
  registrationUrl: "https://entra.microsoft.com/#view/Microsoft_AAD_RegisteredApps/ApplicationsListBlade",
  note: "For one tenant set hosts.web to https://login.microsoftonline.com/<tenant id>. Microsoft cannot revoke a token: after a delete, the access token lives on for up to about an hour.",
};
