// Every route of the two API origins. The first that matches answers.
import type { Route } from "../call.ts";
import { comments } from "./comments.ts";
import { contents } from "./contents.ts";
import { graphqlRoutes } from "./graphql.ts";
import { installations } from "./installations.ts";
import { issues } from "./issues.ts";
import { labels } from "./labels.ts";
import { metaRoutes } from "./meta.ts";
import { pulls } from "./pulls.ts";
import { refs } from "./refs.ts";
import { releases, uploads } from "./releases.ts";
import { repositories } from "./repositories.ts";
import { search } from "./search.ts";
import { users } from "./users.ts";

export const API_ROUTES: Route[] = [
  ...metaRoutes,
  ...users,
  ...installations,
  ...repositories,
  ...contents,
  ...issues,
  ...labels,
  ...comments,
  ...pulls,
  ...refs,
  ...releases,
  ...search,
  ...graphqlRoutes,
];

export const UPLOAD_ROUTES: Route[] = uploads;
