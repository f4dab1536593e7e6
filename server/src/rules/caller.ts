// Who calls: the project it speaks for, and the name the audit gives it.
import type { Actor } from "./audit.ts";
import type { ProjectId } from "./ids.ts";
import type { Principal } from "./policy.ts";
import { Refusal } from "./refusal.ts";

/** The project of a call; an instance token has to name it. */
export function projectOf(principal: Principal): ProjectId {
  if (principal.projectId !== null) return principal.projectId;
  throw new Refusal("project_required", {
    detail: "An instance token belongs to no project.",
    next: { action: "name_project", detail: "Send the header `Behalf-Project: prj_…`; `GET /v1/projects` lists them." },
  });
}

/** Projects stand above every project's tokens. */
export function instanceOnly(): Refusal {
  return new Refusal("scope_missing", {
    detail: "Projects are made and listed with the instance token only.",
    next: {
      action: "use_other_token",
      detail: "Use BEHALF_ADMIN_TOKEN, or a token of `behalf tokens create --admin`.",
    },
  });
}

export function actorOf(principal: Principal): Actor {
  return { kind: "token", id: principal.tokenId, name: principal.tokenName };
}
