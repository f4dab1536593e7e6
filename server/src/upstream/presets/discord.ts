// Discord: forms only, JSON is refused; revoking any token of an authorization ends all of it.
import type { Preset } from "./preset.ts";
import { nothingOfGitHub, standard, standardRevocation, standardUser } from "./standard.ts";

/** docs.discord.com/developers/topics/oauth2 and …/resources/user. */
export const discord: Preset = {
  ...standard,
  name: "discord",
  label: "Discord",
  hosts: { web: "https://discord.com", api: "https://discord.com/api/v10" },
  urls: {
    ...nothingOfGitHub,
    authorize: "{web}/oauth2/authorize",
    token: "{web}/api/oauth2/token",
    revoke: "{web}/api/oauth2/token/revoke",
    user: "{api}/users/@me",
  },
  defaultScopes: ["identify"],
  requiredScopes: ["identify"],
  refresh: "rotating",
  revocationAsk: { ...standardRevocation, sends: "one" },
  user: { ...standardUser, id: "id", login: "username", name: "global_name" },
  upstreams: ["https://discord.com"],
  registrationUrl: "https://discord.com/developers/applications",
  note: "Access tokens live 7 days. Most of Discord's API is for bots: a person's token reaches what its scopes name.",
};
