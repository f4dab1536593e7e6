// Linear: one GraphQL address for everything; revoking names the token by its kind.
import type { Preset } from "./preset.ts";
import { nothingOfGitHub, standard, standardRevocation, standardUser } from "./standard.ts";

/** linear.app/developers/oauth-2-0-authentication. */
export const linear: Preset = {
  ...standard,
  name: "linear",
  label: "Linear",
  hosts: { web: "https://linear.app", api: "https://api.linear.app" },
  urls: {
    ...nothingOfGitHub,
    authorize: "{web}/oauth/authorize",
    token: "{api}/oauth/token",
    revoke: "{api}/oauth/revoke",
    user: "{api}/graphql",
  },
  defaultScopes: ["read"],
  requiredScopes: ["read"],
  scopeSeparator: ",",
  refresh: "rotating",
  // 400 is "unable to revoke token (e.g. token was already revoked)", 401 "unable to authenticate with the token".
  revocationAsk: { ...standardRevocation, auth: "none", fields: "kind", sends: "one", deadStatuses: [400, 401] },
  user: {
    ...standardUser,
    method: "POST",
    body: '{"query":"{ viewer { id name email } }"}',
    id: "data.viewer.id",
    login: "data.viewer.email",
    name: "data.viewer.name",
  },
  upstreams: ["https://api.linear.app"],
  registrationUrl: "https://linear.app/settings/api/applications/new",
  note: "Linear's API is GraphQL: POST /graphql. A person belongs to one workspace per grant.",
};
