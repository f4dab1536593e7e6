// GitLab, hosted or one's own: rotating pairs of two hours.
import type { Preset } from "./preset.ts";
import { nothingOfGitHub, standard, standardUser } from "./standard.ts";

/** docs.gitlab.com/api/oauth2 and docs.gitlab.com/integration/oauth_provider. */
export const gitlab: Preset = {
  ...standard,
  name: "gitlab",
  label: "GitLab",
  hosts: { web: "https://gitlab.com", api: "https://gitlab.com/api/v4" },
  urls: {
    ...nothingOfGitHub,
    authorize: "{web}/oauth/authorize",
    token: "{web}/oauth/token",
    revoke: "{web}/oauth/revoke",
    user: "{api}/user",
  },
  defaultScopes: ["read_user"],
  refresh: "rotating",
  user: { ...standardUser, id: "id", login: "username" },
  registrationUrl: "{web}/-/user_settings/applications",
  note: "A GitLab of your own differs in its hosts only. Scopes have to be ticked at the registration, and read_user or api among them.",
};
