// What the fake's own tests share: a seeded world, a token by the real flow, and a call with a User-Agent.
import { createHash } from "node:crypto";
import type { FakeGitHub, FakeGitHubOptions } from "./index.ts";
import { startFakeGitHub } from "./index.ts";

export const CALLBACK = "http://127.0.0.1:4180/oauth/callback";
export const OAUTH_APP = { clientId: "Ov1.test", clientSecret: "oauth-secret" };
export const GITHUB_APP = { clientId: "Iv1.test", clientSecret: "app-secret" };
export const VERIFIER = "a-verifier-that-is-long-enough-for-rfc-7636-really";
export const CHALLENGE = createHash("sha256").update(VERIFIER).digest("base64url");

export async function seeded(options: FakeGitHubOptions = {}): Promise<FakeGitHub> {
  const github = await startFakeGitHub(options);
  github.user({ login: "octocat", id: 583231, name: "The Octocat", email: "octocat@example.com" });
  github.user({ login: "hubot" });
  github.client({ ...OAUTH_APP, kind: "oauth-app", redirectUris: [CALLBACK] });
  github.client({ ...GITHUB_APP, kind: "github-app", redirectUris: [CALLBACK] });
  github.repository({
    owner: "octocat",
    name: "secret",
    private: true,
    files: { "README.md": "# secret\n", "docs/a b.md": "text\n" },
  });
  github.repository({
    owner: "acme",
    name: "api",
    collaborators: { octocat: "write", hubot: "read" },
    files: { "README.md": "# api\n" },
  });
  return github;
}

export interface Pair {
  access_token: string;
  refresh_token: string;
  expires_in: number;
  refresh_token_expires_in: number;
  scope: string;
  token_type: string;
}

type ClientPair = typeof OAUTH_APP;

export function authorizeUrl(github: FakeGitHub, client: ClientPair, more: Record<string, string> = {}): string {
  const url = new URL("/login/oauth/authorize", github.web);
  for (const [name, value] of Object.entries({
    client_id: client.clientId,
    redirect_uri: CALLBACK,
    state: "s-1",
    ...more,
  }))
    url.searchParams.set(name, value);
  return url.href;
}

export async function exchange(
  github: FakeGitHub,
  client: ClientPair,
  fields: Record<string, string>,
): Promise<Record<string, unknown>> {
  const response = await fetch(`${github.web}/login/oauth/access_token`, {
    method: "POST",
    headers: { accept: "application/json" },
    body: new URLSearchParams({ client_id: client.clientId, client_secret: client.clientSecret, ...fields }),
  });
  if (response.status !== 200) throw new Error(`token endpoint answered ${response.status}`);
  return (await response.json()) as Record<string, unknown>;
}

export async function codeFor(
  github: FakeGitHub,
  client: ClientPair,
  login: string,
  more: Record<string, string> = {},
): Promise<string> {
  const back = new URL(await github.approve(authorizeUrl(github, client, more), login));
  return back.searchParams.get("code") ?? "";
}

/** A token pair by the whole web flow with PKCE. */
export async function signIn(github: FakeGitHub, client: ClientPair, login = "octocat", scope = ""): Promise<Pair> {
  const code = await codeFor(github, client, login, {
    scope,
    code_challenge: CHALLENGE,
    code_challenge_method: "S256",
  });
  return (await exchange(github, client, { code, redirect_uri: CALLBACK, code_verifier: VERIFIER })) as unknown as Pair;
}

export interface Answered {
  status: number;
  headers: Headers;
  text: string;
  json: Record<string, unknown>;
}

interface Send {
  token?: string;
  method?: string;
  body?: unknown;
  headers?: Record<string, string>;
  redirect?: "manual" | "follow";
}

export async function call(origin: string, path: string, send: Send = {}): Promise<Answered> {
  const headers: Record<string, string> = { "user-agent": "fake-github-tests", ...send.headers };
  if (send.token !== undefined) headers["authorization"] = `Bearer ${send.token}`;
  const init: RequestInit = { method: send.method ?? "GET", headers, redirect: send.redirect ?? "manual" };
  if (send.body !== undefined) init.body = typeof send.body === "string" ? send.body : JSON.stringify(send.body);
  const response = await fetch(origin + path, init);
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, json: parsed(text) };
}

function parsed(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return {};
  }
}

export function basic(client: ClientPair): string {
  return `Basic ${Buffer.from(`${client.clientId}:${client.clientSecret}`).toString("base64")}`;
}
