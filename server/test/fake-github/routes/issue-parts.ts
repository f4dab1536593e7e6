// What the issue, label and comment routes share: the issue of a path, and lists in a body.

import type { Call } from "../call.ts";
import { failure, notFound } from "../call.ts";
import type { Issue, Label, Repository } from "../model.ts";
import type { World } from "../world.ts";

export function issueOf(call: Call, repo: Repository): Issue {
  const issue = repo.issues.get(Number(call.params["issue_number"]));
  if (issue === undefined) throw notFound(call);
  return issue;
}

/** Naming an unknown label on an issue creates it in grey (recorded in add-labels-to-issue). */
function labelNamed(world: World, repo: Repository, name: string): Label {
  const known = repo.labels.find((label) => label.name.toLowerCase() === name.toLowerCase());
  if (known !== undefined) return known;
  const made: Label = { id: world.nextId(), name, color: "ededed", description: null };
  repo.labels.push(made);
  return made;
}

export function labelsIn(call: Call, repo: Repository, body: Record<string, unknown>): Label[] {
  const names = listIn(call, body, "labels").map((one) =>
    typeof one === "object" && one !== null && "name" in one ? one.name : one,
  );
  return [...new Set(names.map(String))].map((name) => labelNamed(call.world, repo, name));
}

export function listIn(call: Call, body: Record<string, unknown>, field: string): unknown[] {
  const value = body[field];
  if (value === undefined || value === null) return [];
  if (Array.isArray(value)) return value;
  throw failure(
    422,
    `Invalid request.\n\nFor 'properties/${field}', ${JSON.stringify(value)} is not an array.`,
    call.route.docs,
  );
}
