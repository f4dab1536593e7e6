// Any provider that keeps to the standards; the connection says where it is.
import type { Preset } from "./preset.ts";
import { nothingOfGitHub, standard } from "./standard.ts";

export const generic: Preset = {
  ...standard,
  name: "generic",
  label: "Any OAuth 2.0 provider",
  hosts: null,
  urls: { ...nothingOfGitHub, authorize: null, token: null, revoke: null, user: null },
  defaultScopes: [],
  refresh: "unknown",
  endpoint: { upstreamUrl: null, headers: {} },
  registrationUrl: null,
  note: "Needs authorize_url, token_url and user_url. Each connection has a redirect URI of its own.",
};
