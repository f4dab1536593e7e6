// Makes a project and its first token.
import type * as Wire from "@behalf/sdk";
import { actorOf, instanceOnly } from "../rules/caller.ts";
import { freshToken } from "../rules/fresh-token.ts";
import type { Principal } from "../rules/policy.ts";
import type { House } from "./house.ts";
import { projectView } from "./steps/views.ts";

type Needs = Pick<House, "store" | "vault" | "now" | "newId">;

export interface ProjectAsk {
  readonly name: string;
  readonly environment: "live" | "test";
}

export async function createProject(needs: Needs, principal: Principal, ask: ProjectAsk): Promise<Wire.CreatedProject> {
  if (!principal.isInstance) throw instanceOnly();
  const now = needs.now();
  const project = { id: needs.newId("project"), name: ask.name, environment: ask.environment, created_at: now };
  const issued = needs.vault.issueToken(ask.environment);
  const tokenId = needs.newId("token");
  await needs.store.change(async (tables, record) => {
    await tables.projects.add(project);
    const scopes = ["admin"] as const;
    await tables.tokens.add(freshToken({ id: tokenId, project: project.id, name: "first token", issued, scopes, now }));
    const actor = actorOf(principal);
    record({ chain: "instance", name: "project.created", actor, subject: project.id });
    record({ chain: project.id, name: "project.created", actor, subject: project.id });
    record({ chain: project.id, name: "token.created", actor, subject: tokenId, details: { scopes } });
  });
  return { ...projectView(project), token: issued.plain };
}
