// API versions: which are served, and what 2026-03-10 leaves out (github-facts 3.11).
import type { Call } from "./call.ts";
import type { Ask } from "./exchange.ts";
import type { World } from "./world.ts";

const VERSIONS = ["2022-11-28", "2026-03-10"];

/** null: a version that is not served. */
export function selectedVersion(world: World, ask: Ask): string | null {
  const asked = ask.headers["x-github-api-version"];
  const served = VERSIONS.filter((version) => world.options.retiredApiVersions?.includes(version) !== true);
  if (asked !== undefined) return served.includes(asked) ? asked : null;
  return served[0] ?? null;
}

const DROPPED_20260310 = new Set([
  "has_downloads",
  "use_squash_pr_title_as_default",
  "merge_commit_sha",
  "assignee",
  "authorizations_url",
  "hub_url",
]);

/** breaking-changes-changelog, 2026-03-10, for the fields we emit. */
export function shape20260310(call: Call, value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => shape20260310(call, item));
  if (typeof value !== "object" || value === null) return value;
  const kept = Object.entries(value).filter(
    ([name]) => !DROPPED_20260310.has(name) && !(name === "rate" && call.route.path === "/rate_limit"),
  );
  return Object.fromEntries(kept.map(([name, inner]) => [name, shape20260310(call, inner)]));
}
