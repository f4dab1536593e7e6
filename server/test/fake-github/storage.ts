// The other host: archives, raw files and release assets. It must never see a credential of ours (github-facts 3.10).
import { gzipSync } from "node:zlib";
import { resolveRef } from "./commits.ts";
import type { Ask, Reply } from "./exchange.ts";
import { pathSegments, reply } from "./exchange.ts";
import type { Repository } from "./model.ts";
import type { World } from "./world.ts";

export function serveStorage(world: World, ask: Ask): Reply {
  if (ask.headers["authorization"] !== undefined) {
    // What S3 and Azure answer when a second credential comes with a signed URL.
    return reply(
      400,
      { "Content-Type": "application/xml" },
      "<Error><Code>InvalidArgument</Code><Message>Only one auth mechanism allowed</Message></Error>",
    );
  }
  if (ask.method !== "GET" && ask.method !== "HEAD") return missing();
  return download(world, ask, pathSegments(ask.path.slice(1)) ?? []);
}

function download(world: World, ask: Ask, segments: string[]): Reply {
  const [owner = "", name = "", ...rest] = segments;
  if (owner === "release-assets") return asset(world, Number(name), ask);
  const repo = world.repository(owner, name);
  if (repo === undefined || (repo.private && !spendToken(world, ask))) return missing();
  return rest[0]?.startsWith("legacy.") === true ? archive(repo, rest) : rawFile(repo, rest);
}

function missing(): Reply {
  return reply(404, { "Content-Type": "text/plain; charset=utf-8" }, "404: Not Found");
}

/** Download links of private things are single use and short-lived. */
function spendToken(world: World, ask: Ask): boolean {
  const token = ask.query.get("token") ?? "";
  const grant = world.downloads.get(token);
  world.downloads.delete(token);
  return grant !== undefined && grant.path === ask.path && grant.expiresAt > world.clock.now();
}

function archive(repo: Repository, rest: string[]): Reply {
  const commit = resolveRef(repo, rest.slice(1).join("/"));
  if (commit === undefined) return missing();
  const short = commit.sha.slice(0, 7);
  const zip = rest[0] === "legacy.zip";
  // Not a real archive yet: the list of files, so a test sees the bytes arrive. Git brings real ones.
  const listing = [...commit.tree].map(([path, data]) => `${path} ${data.length}\n`).join("");
  const fileName = `${repo.owner.login}-${repo.name}-${short}.${zip ? "zip" : "tar.gz"}`;
  return reply(
    200,
    {
      "Access-Control-Allow-Origin": "https://render.githubusercontent.com",
      "Content-Disposition": `attachment; filename=${fileName}`,
      "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
      "Content-Type": zip ? "application/zip" : "application/x-gzip",
      "Cross-Origin-Resource-Policy": "cross-origin",
      ETag: `"${commit.sha}"`,
      "Strict-Transport-Security": "max-age=31536000",
      "X-Content-Type-Options": "nosniff",
      "X-Frame-Options": "deny",
      "X-GitHub-Request-Id": "F4KE:0001:0001:0001:00000001",
      "X-XSS-Protection": "1; mode=block",
    },
    gzipSync(listing),
  );
}

function rawFile(repo: Repository, rest: string[]): Reply {
  for (let split = 1; split < rest.length; split += 1) {
    const data = resolveRef(repo, rest.slice(0, split).join("/"))?.tree.get(rest.slice(split).join("/"));
    if (data !== undefined) return reply(200, { "Content-Type": "text/plain; charset=utf-8" }, data);
  }
  return missing();
}

function asset(world: World, id: number, ask: Ask): Reply {
  if (!spendToken(world, ask)) return missing();
  const found = world.repositories
    .flatMap((repo) => repo.releases)
    .flatMap((release) => release.assets)
    .find((one) => one.id === id);
  if (found === undefined) return missing();
  return reply(
    200,
    { "Content-Type": found.contentType, "Content-Disposition": `attachment; filename=${found.name}` },
    found.data,
  );
}
