// Reads third-party recordings of the real GitHub: @octokit/fixtures and @octokit/webhooks-examples. For tests only.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { isRecord } from "./exchange.ts";

export interface Recorded {
  method: string;
  path: string;
  status: number;
  headers: Record<string, string>;
  response: unknown;
}

const require = createRequire(import.meta.url);

function folderOf(packageName: string): string {
  return dirname(require.resolve(`${packageName}/package.json`));
}

export function recording(scenario: string, index = 0): Recorded {
  const file = join(folderOf("@octokit/fixtures"), "scenarios/api.github.com", scenario, "normalized-fixture.json");
  const all = JSON.parse(readFileSync(file, "utf8")) as Recorded[];
  const found = all[index];
  if (found === undefined) throw new Error(`no recording ${scenario} ${index}`);
  return found;
}

export interface WebhookEvent {
  name: string;
  examples: Record<string, unknown>[];
}

export function webhookEvents(): WebhookEvent[] {
  return JSON.parse(
    readFileSync(join(folderOf("@octokit/webhooks-examples"), "api.github.com/index.json"), "utf8"),
  ) as WebhookEvent[];
}

export type Shape = Map<string, Set<string>>;

/** Every key path with the JSON types seen there; list items share one path. */
export function shapeOf(value: unknown, at = "", into: Shape = new Map()): Shape {
  const type = value === null ? "null" : Array.isArray(value) ? "array" : typeof value;
  into.set(at, (into.get(at) ?? new Set()).add(type));
  if (Array.isArray(value)) for (const item of value) shapeOf(item, `${at}[]`, into);
  if (isRecord(value)) for (const [key, inner] of Object.entries(value)) shapeOf(inner, `${at}.${key}`, into);
  return into;
}

/** What differs: keys only on one side, and types that never meet. null and an empty list say nothing about the inside. */
export function differences(real: Shape, ours: Shape): string[] {
  const found: string[] = [];
  for (const [path, types] of ours) {
    const recordedTypes = real.get(path);
    if (recordedTypes === undefined) {
      if (knownInside(real, path)) found.push(`ours only: ${path}`);
      continue;
    }
    const meet = [...types].some((type) => recordedTypes.has(type)) || types.has("null") || recordedTypes.has("null");
    if (!meet) found.push(`type: ${path} is ${[...types].join("|")}, recorded ${[...recordedTypes].join("|")}`);
  }
  for (const path of real.keys()) if (!ours.has(path) && knownInside(ours, path)) found.push(`recorded only: ${path}`);
  return found.sort();
}

/** Whether that side shows the object the path ends in at all. */
function knownInside(shape: Shape, path: string): boolean {
  const parent = path.endsWith("[]") ? null : path.slice(0, path.lastIndexOf("."));
  return parent !== null && shape.get(parent)?.has("object") === true;
}
