// Turns a route's answer into GitHub's: header set, rate limit, ETag per identity, 304, API version shapes, gzip.
import { createHash, randomBytes } from "node:crypto";
import { gzipSync } from "node:zlib";
import { isRead } from "./access.ts";
import type { Answer, Call } from "./call.ts";
import type { Ask, Reply } from "./exchange.ts";
import { identityKey } from "./identity.ts";
import type { Actor } from "./model.ts";
import { rateHeaders } from "./rate.ts";
import { shape20260310 } from "./versions.ts";

const EXPOSED =
  "ETag, Link, Location, Retry-After, X-GitHub-OTP, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Used, X-RateLimit-Resource, X-RateLimit-Reset, X-OAuth-Scopes, X-Accepted-OAuth-Scopes, X-Poll-Interval, X-GitHub-Media-Type, X-GitHub-SSO, X-GitHub-Request-Id, Deprecation, Sunset";

/** As recorded in @octokit/fixtures, on every answer of the API. */
const ALWAYS: Record<string, string> = {
  "Access-Control-Expose-Headers": EXPOSED,
  "Access-Control-Allow-Origin": "*",
  "Strict-Transport-Security": "max-age=31536000; includeSubdomains; preload",
  "X-Frame-Options": "deny",
  "X-Content-Type-Options": "nosniff",
  "X-XSS-Protection": "0",
  "Referrer-Policy": "origin-when-cross-origin, strict-origin-when-cross-origin",
  "Content-Security-Policy": "default-src 'none'",
};

export function finish(call: Call, answer: Answer): Reply {
  const body = bodyOf(call, answer);
  const etag = isCacheable(answer, body) && answer.uncached !== true ? etagOf(call, body) : null;
  const unchanged =
    etag !== null && isRead(call.method) && answer.status === 200 && matches(call.ask, etag, answer.lastModified);
  const head: Record<string, string> = {
    Server: "GitHub.com",
    Date: new Date(call.now).toUTCString(),
    ...contentType(answer),
    ...caching(call, answer, body),
    // 60 of 60 third-party log lines show the 304 without the W/ (github-facts 3.8).
    ...(etag === null ? {} : { ETag: unchanged ? etag.replace(/^W\//, "") : etag }),
    ...(answer.foreign === true ? {} : { ...scopeHeaders(call), "X-GitHub-Media-Type": call.media.header }),
    "x-github-api-version-selected": call.version,
    ...rateOf(call, unchanged),
    ...ALWAYS,
    "X-GitHub-Request-Id": requestId(),
    ...answer.headers,
  };
  if (unchanged) return { status: 304, headers: Object.entries(head), body };
  const packed = compress(call.ask, body, head);
  return { status: answer.status, headers: Object.entries(head), body: packed };
}

function isCacheable(answer: Answer, body: Buffer): boolean {
  return (answer.status === 200 || answer.status === 201) && body.length > 0;
}

function caching(call: Call, answer: Answer, body: Buffer): Record<string, string> {
  if (!isCacheable(answer, body)) return { Vary: "Accept-Encoding, Accept, X-Requested-With" };
  const modified = answer.lastModified;
  return {
    "Cache-Control": answer.uncached === true ? "no-cache" : cacheControl(call.actor),
    Vary: varyOf(call.actor),
    ...(modified === undefined ? {} : { "Last-Modified": new Date(modified).toUTCString() }),
  };
}

/** Long answers are gzipped for those who accept it; the header says so. */
function compress(ask: Ask, body: Buffer, head: Record<string, string>): Buffer {
  if (body.length <= 1000 || !/\bgzip\b/.test(ask.headers["accept-encoding"] ?? "")) return body;
  head["Content-Encoding"] = "gzip";
  return gzipSync(body);
}

function bodyOf(call: Call, answer: Answer): Buffer {
  if (answer.raw !== undefined) return answer.raw.data;
  if (answer.json === undefined || answer.json === null) return Buffer.alloc(0);
  return Buffer.from(JSON.stringify(call.version === "2026-03-10" ? shape20260310(call, answer.json) : answer.json));
}

function contentType(answer: Answer): Record<string, string> {
  if (answer.status === 204) return {};
  return { "Content-Type": answer.raw?.type ?? "application/json; charset=utf-8" };
}

/** ETags differ per identity, scopes and media: a cache shared across callers shows at once. */
function etagOf(call: Call, body: Buffer): string {
  const scopes = call.actor.kind === "user" ? call.actor.token.scopes : [];
  const digest = createHash("sha256").update(
    JSON.stringify([identityKey(call.actor), scopes, call.media.header, call.version]),
  );
  return `W/"${digest.update(body).digest("hex")}"`;
}

/** If-None-Match wins over If-Modified-Since (RFC 9110 13.1.3). */
function matches(ask: Ask, etag: string, modified: number | undefined): boolean {
  const wanted = ask.headers["if-none-match"];
  const since = Date.parse(ask.headers["if-modified-since"] ?? "");
  if (wanted === undefined) return modified !== undefined && Math.floor(modified / 1000) * 1000 <= since;
  const bare = etag.replace(/^W\//, "");
  return wanted.split(",").some((one) => one.trim() === "*" || one.trim().replace(/^W\//, "") === bare);
}

function cacheControl(actor: Actor): string {
  return actor.kind === "anonymous" ? "public, max-age=60, s-maxage=60" : "private, max-age=60, s-maxage=60";
}

function varyOf(actor: Actor): string {
  const base = "Accept-Encoding, Accept, X-Requested-With";
  return actor.kind === "anonymous" ? `Accept,${base}` : `Accept, Authorization, Cookie, X-GitHub-OTP,${base}`;
}

/** On every answer to a token with scopes: gho_ and ghp_. A ghu_ has none. */
function scopeHeaders(call: Call): Record<string, string> {
  if (call.actor.kind !== "user") return {};
  const { token } = call.actor;
  const expiry: Record<string, string> =
    token.kind === "ghp" && token.accessExpiresAt !== null
      ? {
          "github-authentication-token-expiration": new Date(token.accessExpiresAt)
            .toISOString()
            .replace("T", " ")
            .replace(/\.\d+Z$/, " UTC"),
        }
      : {};
  if (token.kind === "ghu") return expiry;
  const client: Record<string, string> = token.client === null ? {} : { "X-OAuth-Client-Id": token.client.clientId };
  return {
    "X-OAuth-Scopes": token.scopes.join(", "),
    "X-Accepted-OAuth-Scopes": call.route.scopes ?? "",
    ...client,
    ...expiry,
  };
}

function rateOf(call: Call, unchanged: boolean): Record<string, string> {
  const path = call.route.path;
  const resource = path.startsWith("/search/") ? "search" : path === "/graphql" ? "graphql" : "core";
  const free = path === "/rate_limit" || (unchanged && call.actor.kind !== "anonymous");
  return rateHeaders(call.world.rate.count(identityKey(call.actor), resource, free ? 0 : 1));
}

function requestId(): string {
  const hex = (bytes: number): string => randomBytes(bytes).toString("hex").toUpperCase();
  return `${hex(2)}:${hex(2)}:${hex(4)}:${hex(4)}:${hex(4)}`;
}
