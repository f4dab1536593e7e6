// Notion: JSON at the token endpoint, the client's proof as plain Basic, and a version with every call.
import type { Preset } from "./preset.ts";
import { nothingOfGitHub, standard, standardAnswers, standardRevocation, standardUser } from "./standard.ts";

const version = { "notion-version": "2025-09-03" };

/** developers.notion.com/guides/get-started/authorization and /reference: create-a-token, refresh-a-token, revoke-token, get-self. */
export const notion: Preset = {
  ...standard,
  name: "notion",
  label: "Notion",
  hosts: { web: "https://api.notion.com", api: "https://api.notion.com" },
  urls: {
    ...nothingOfGitHub,
    authorize: "{web}/v1/oauth/authorize",
    token: "{api}/v1/oauth/token",
    revoke: "{api}/v1/oauth/revoke",
    user: "{api}/v1/users/me",
  },
  defaultScopes: [],
  // What a connection may do is fixed at its registration, and which pages it sees the person chooses.
  sendsScopes: false,
  authorizeParameters: { owner: "user" },
  tokenAuth: "plain_basic",
  tokenBody: "json",
  tokenHeaders: version,
  // The OAuth guide shows `error`, the API reference `code` for the same words.
  answers: { ...standardAnswers, errorMembers: ["error", "code"] },
  refresh: "rotating",
  // The reference knows one member, and speaks of access tokens only.
  revocationAsk: { ...standardRevocation, fields: "token", sends: "access" },
  apiHeaders: { ...standard.apiHeaders, ...version },
  // `id` itself is the bot's. A bot that a whole workspace owns names no person: then nobody is connected.
  user: {
    ...standardUser,
    id: "bot.owner.user.id",
    login: "bot.owner.user.person.email",
    name: "bot.owner.user.name",
  },
  upstreams: ["https://api.notion.com"],
  endpoint: { upstreamUrl: "{api}", headers: { "Notion-Version": version["notion-version"] } },
  registrationUrl: "https://www.notion.so/my-integrations",
  note: "Needs a public connection. People choose page by page what it may see; there are no scopes.",
};
