// GET and POST /login/oauth/authorize: the consent page and what the person's click leads to (github-facts 3.2).

import type { Ask, Reply } from "./exchange.ts";
import { bodyFields, htmlReply, reply } from "./exchange.ts";
import type { Client } from "./model.ts";
import type { World } from "./world.ts";

const HELP = "https://docs.github.com/apps/managing-oauth-apps/troubleshooting-authorization-request-errors/";
/** What the page carries back to us, besides the decision. */
const CARRIED = ["client_id", "redirect_uri", "state", "scope", "code_challenge", "code_challenge_method"];

export function authorize(world: World, ask: Ask): Reply {
  if (ask.method === "GET" || ask.method === "HEAD") return showPage(world, ask.query);
  if (ask.method === "POST") return decide(world, bodyFields(ask));
  return htmlReply(404, "<h1>Page not found</h1>");
}

interface Wish {
  client: Client;
  redirectUri: string;
  state: string | null;
  scope: string | null;
  challenge: string | null;
}

function readWish(world: World, query: URLSearchParams): Wish | Reply {
  const client = world.client(query.get("client_id"));
  const registered = client?.redirectUris[0];
  if (client === undefined || registered === undefined)
    return htmlReply(404, "<h1>404</h1><p>This is not the web page you are looking for.</p>");
  const wish: Wish = {
    client,
    redirectUri: query.get("redirect_uri") ?? registered,
    state: query.get("state"),
    scope: query.get("scope"),
    challenge: query.get("code_challenge"),
  };
  if (!client.redirectUris.includes(wish.redirectUri)) {
    const sentence = "The redirect_uri MUST match the registered callback URL for this application.";
    return refuse({ ...wish, redirectUri: registered }, "redirect_uri_mismatch", sentence, "#redirect-uri-mismatch");
  }
  const method = query.get("code_challenge_method");
  // A challenge without a method would mean "plain" (RFC 7636 4.3), which GitHub refuses.
  const plain = method === null ? wish.challenge !== null : method !== "S256";
  const malformed = method !== null && !/^[A-Za-z0-9_-]{43}$/.test(wish.challenge ?? "");
  if (plain || malformed) return refuse(wish, "invalid_request", "Only S256 code challenges are supported.", "");
  return wish;
}

function refuse(wish: Wish, error: string, description: string, anchor: string): Reply {
  return backToApp(wish, { error, error_description: description, error_uri: `${HELP}${anchor}` });
}

function backToApp(wish: Pick<Wish, "redirectUri" | "state">, params: Record<string, string>): Reply {
  const location = new URL(wish.redirectUri);
  for (const [name, value] of Object.entries(params)) location.searchParams.set(name, value);
  if (wish.state !== null) location.searchParams.set("state", wish.state);
  return reply(302, { Location: location.href, "Content-Type": "text/html; charset=utf-8" });
}

function showPage(world: World, query: URLSearchParams): Reply {
  const wish = readWish(world, query);
  if ("status" in wish) return wish;
  const carried = CARRIED.flatMap((name) => {
    const value = query.get(name);
    return value === null ? [] : [hidden(name, value)];
  });
  const users = world.accounts.filter((account) => account.type === "User");
  const hinted = query.get("login");
  const choices = users.map(
    ({ login }) =>
      `<p><label><input type="radio" name="login" value="${escape(login)}"${login === (hinted ?? users[0]?.login) ? " checked" : ""}> ${escape(login)}</label></p>`,
  );
  const page = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Authorize ${escape(wish.client.slug)}</title></head><body>
<h1>Authorize ${escape(wish.client.slug)}</h1>
<p>Scopes: ${escape(wish.scope ?? "") || "none"}</p>
<form method="post" action="/login/oauth/authorize">
${hidden("authenticity_token", world.codes.openPage())}
${carried.join("\n")}
${choices.join("\n")}
<button type="submit" name="authorize" value="1">Authorize</button>
<button type="submit" name="authorize" value="0">Cancel</button>
</form></body></html>`;
  return htmlReply(200, page);
}

function hidden(name: string, value: string): string {
  return `<input type="hidden" name="${escape(name)}" value="${escape(value)}">`;
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}

function decide(world: World, form: URLSearchParams): Reply {
  if (!world.codes.closePage(form.get("authenticity_token") ?? ""))
    return htmlReply(422, "<h1>422</h1><p>The change you wanted was rejected.</p>");
  const wish = readWish(world, form);
  if ("status" in wish) return wish;
  if (form.get("authorize") !== "1") {
    return refuse(wish, "access_denied", "The user has denied your application access.", "#access-denied");
  }
  const user = world.account(form.get("login") ?? "");
  if (user === undefined || user.type !== "User") return htmlReply(422, "<h1>422</h1><p>Choose a user.</p>");
  const code = world.codes.issue({
    client: wish.client,
    user,
    redirectUri: wish.redirectUri,
    challenge: wish.challenge,
    scopes: grantedScopes(world, wish, user.login, form.get("granted_scope")),
  });
  return backToApp(wish, { code: code.value, iss: `${world.origins.web}/login/oauth` });
}

/** The person may grant other scopes than asked; an OAuth App that asks for none gets the union of those granted before. */
function grantedScopes(world: World, wish: Wish, login: string, edited: string | null): string[] {
  if (wish.client.kind === "github-app") return [];
  const asked = edited ?? wish.scope;
  if (asked !== null) return normalScopes(asked);
  const before = world.tokens.live(world.knownUser(login), wish.client).flatMap((token) => token.scopes);
  return [...new Set(before)].sort();
}

const IMPLIED: Record<string, string[]> = {
  repo: ["repo:status", "repo_deployment", "public_repo", "repo:invite", "security_events"],
  user: ["read:user", "user:email", "user:follow"],
  "admin:org": ["write:org", "read:org"],
};

/** scopes-for-oauth-apps, "Normalized scopes": a scope that another one implies is not listed. */
export function normalScopes(text: string): string[] {
  const asked = [...new Set(text.split(/[\s,]+/).filter((scope) => scope !== ""))];
  const implied = new Set(asked.flatMap((scope) => IMPLIED[scope] ?? []));
  return asked.filter((scope) => !implied.has(scope)).sort();
}
