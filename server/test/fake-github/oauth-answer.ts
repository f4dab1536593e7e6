// How the token and device endpoints answer: HTTP 200 for refusals too, form-encoded unless JSON is asked for (github-facts 3.3).

import type { Ask, Reply } from "./exchange.ts";
import { reply } from "./exchange.ts";

export interface OAuthError {
  error: string;
  error_description: string;
  error_uri: string;
  interval?: number;
}

const HELP = "https://docs.github.com/apps/managing-oauth-apps/troubleshooting-oauth-app-access-token-request-errors/";
/** Form-encoded by default; JSON only when asked for. */
export function encode(ask: Ask, fields: Record<string, string | number>): Reply {
  const accept = ask.headers["accept"] ?? "";
  const headers = { "Cache-Control": "max-age=0, private, must-revalidate", "X-Content-Type-Options": "nosniff" };
  if (accept.includes("json")) {
    return reply(200, { ...headers, "Content-Type": "application/json; charset=utf-8" }, JSON.stringify(fields));
  }
  const form = new URLSearchParams(
    Object.entries(fields).map(([name, value]): [string, string] => [name, String(value)]),
  );
  return reply(
    200,
    { ...headers, "Content-Type": "application/x-www-form-urlencoded; charset=utf-8" },
    form.toString(),
  );
}

export function oauthError(error: string, description: string, anchor: string): OAuthError {
  return { error, error_description: description, error_uri: `${HELP}${anchor}` };
}
