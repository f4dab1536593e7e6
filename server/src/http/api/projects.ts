// `/v1/projects`: with the instance token only.
import { createProject } from "../../flows/create-project.ts";
import { listProjects } from "../../flows/list-projects.ts";
import { parseCursor } from "../../rules/cursor.ts";
import { type Route, route } from "./route.ts";
import * as shape from "./schemas.ts";

const common = { tag: "Projects", scope: "admin", params: shape.none } as const;

export const projectRoutes: readonly Route[] = [
  route({
    ...common,
    method: "POST",
    path: "/v1/projects",
    summary: "Make a project; its first token is in the answer and nowhere else",
    query: shape.none,
    body: shape.projectAsk,
    answers: { "201": shape.createdProject },
    refusals: [],
    run: async ({ house, principal, body }) => ({ status: 201, body: await createProject(house, principal, body) }),
  }),
  route({
    ...common,
    method: "GET",
    path: "/v1/projects",
    summary: "List the projects",
    query: shape.pageQuery,
    body: shape.none,
    answers: { "200": shape.pageOf(shape.project) },
    refusals: [],
    run: async ({ house, principal, query }) => ({
      status: 200,
      body: await listProjects(house, principal, { limit: query.limit, after: parseCursor(query.cursor ?? "") }),
    }),
  }),
];
