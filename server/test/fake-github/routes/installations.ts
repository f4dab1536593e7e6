// What a GitHub App's user token learns about installations: only those of its own app that the person reaches.
import { levelOf, visible } from "../access.ts";
import type { Answer, Call, Route } from "../call.ts";
import { cut, failure, json, notFound, signedIn } from "../call.ts";
import type { Installation, Repository } from "../model.ts";
import { iso, simpleUser } from "../shapes/account.ts";
import { repositoryJson } from "../shapes/repository.ts";
import type { World } from "../world.ts";

function reachable(call: Call): Installation[] {
  const { user, token } = signedIn(call);
  if (token.kind !== "ghu") {
    throw failure(
      403,
      "You must authenticate with an access token authorized to a GitHub App in order to list installations",
      call.route.docs,
    );
  }
  return call.world.installations.filter(
    (one) =>
      one.client === token.client &&
      (one.account === user ||
        repositoriesOf(call, one).some((repo) => repo.collaborators.has(user.login.toLowerCase()))),
  );
}

function repositoriesOf(call: Call, installation: Installation): Repository[] {
  return call.world.repositories.filter(
    (repo) =>
      repo.owner === installation.account &&
      (installation.repositories === "all" || installation.repositories.includes(repo.name)) &&
      levelOf(call.actor, repo) !== null &&
      visible(call.world, call.actor, repo),
  );
}

function installationJson(world: World, one: Installation): Record<string, unknown> {
  const api = `${world.origins.api}`;
  return {
    id: one.id,
    client_id: one.client.clientId,
    account: simpleUser(world, one.account),
    repository_selection: one.repositories === "all" ? "all" : "selected",
    access_tokens_url: `${api}/app/installations/${one.id}/access_tokens`,
    repositories_url: `${api}/installation/repositories`,
    html_url: `${world.origins.web}/settings/installations/${one.id}`,
    app_id: one.client.id,
    app_slug: one.client.slug,
    target_id: one.account.id,
    target_type: one.account.type,
    permissions: one.permissions,
    events: [],
    created_at: iso(one.createdAt),
    updated_at: iso(one.createdAt),
    single_file_name: null,
    has_multiple_single_files: false,
    single_file_paths: [],
    suspended_by: null,
    suspended_at: null,
  };
}

function list(call: Call): Answer {
  const all = reachable(call);
  const { slice, headers } = cut(call, all);
  return json(
    200,
    { total_count: all.length, installations: slice.map((one) => installationJson(call.world, one)) },
    { headers },
  );
}

function repositories(call: Call): Answer {
  const found = reachable(call).find((one) => one.id === Number(call.params["installation_id"]));
  if (found === undefined) throw notFound(call);
  const all = repositoriesOf(call, found);
  const { slice, headers } = cut(call, all);
  return json(
    200,
    { total_count: all.length, repositories: slice.map((repo) => repositoryJson(call.world, call.actor, repo)) },
    { headers },
  );
}

export const installations: Route[] = [
  {
    method: "GET",
    path: "/user/installations",
    docs: "apps/installations#list-app-installations-accessible-to-the-user-access-token",
    handle: list,
  },
  {
    method: "GET",
    path: "/user/installations/{installation_id}/repositories",
    docs: "apps/installations#list-repositories-accessible-to-the-user-access-token",
    handle: repositories,
  },
];
