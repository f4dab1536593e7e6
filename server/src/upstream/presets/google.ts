// Google: a refresh token only for `access_type=offline` with consent asked anew; it is kept, never rotated.
import type { Preset } from "./preset.ts";
import { nothingOfGitHub, standard, standardRevocation, standardUser } from "./standard.ts";

/** developers.google.com/identity/protocols/oauth2/web-server and …/oauth2/openid-connect. */
export const google: Preset = {
  ...standard,
  name: "google",
  label: "Google",
  hosts: { web: "https://accounts.google.com", api: "https://www.googleapis.com" },
  urls: {
    ...nothingOfGitHub,
    authorize: "{web}/o/oauth2/v2/auth",
    token: "https://oauth2.googleapis.com/token",
    revoke: "https://oauth2.googleapis.com/revoke",
    user: "https://openidconnect.googleapis.com/v1/userinfo",
  },
  // Its callbacks carry `iss` since 2026; it is the issuer of Google's discovery document.
  issuer: "https://accounts.google.com",
  defaultScopes: ["openid", "email", "profile"],
  // The userinfo endpoint answers for no token without it.
  requiredScopes: ["openid"],
  // Without `prompt=consent` a person who agreed once before brings no refresh token the second time.
  authorizeParameters: { access_type: "offline", prompt: "consent" },
  refresh: "kept",
  callback: "shared",
  // Revoking an access token ends the refresh token that belongs to it as well, so one call is enough.
  revocationAsk: { ...standardRevocation, auth: "none", fields: "token", sends: "one" },
  clientErrors: ["deleted_client"],
  user: { ...standardUser, login: "email" },
  upstreams: ["https://*.googleapis.com"],
  registrationUrl: "https://console.cloud.google.com/apis/credentials",
  note: "While the consent screen is in testing, Google ends refresh tokens after 7 days. Enable each API you call in the same Google Cloud project.",
};
