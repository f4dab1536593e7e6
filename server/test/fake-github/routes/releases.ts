// Releases and their assets; the upload itself is on the uploads origin (github-facts 1.4, override).
import { repositoryFor } from "../access.ts";
import type { Answer, Call, Route } from "../call.ts";
import { failure, invalid, json, jsonBody, notFound, page, signedIn, textField } from "../call.ts";
import type { Asset, Release, Repository } from "../model.ts";
import { assetJson, releaseJson } from "../shapes/release.ts";

function releaseOf(call: Call, repo: Repository): Release {
  const { release_id: id, tag } = call.params;
  const found = repo.releases.find((one) => (tag === undefined ? one.id === Number(id) : one.tag === tag));
  if (found === undefined) throw notFound(call);
  return found;
}

function assetOf(call: Call, repo: Repository): { release: Release; asset: Asset } {
  for (const release of repo.releases) {
    const asset = release.assets.find((one) => one.id === Number(call.params["asset_id"]));
    if (asset !== undefined) return { release, asset };
  }
  throw notFound(call);
}

function list(call: Call): Answer {
  const repo = repositoryFor(call);
  return page(call, repo.releases.toReversed(), (release) => releaseJson(call.world, repo, release));
}

function get(call: Call): Answer {
  const repo = repositoryFor(call);
  const release = releaseOf(call, repo);
  return json(200, releaseJson(call.world, repo, release), { lastModified: release.createdAt });
}

function create(call: Call): Answer {
  const repo = repositoryFor(call, "write");
  const body = jsonBody(call);
  const tag = textField(call, body, "tag_name");
  if (tag === undefined) throw invalid(call, { resource: "Release", code: "missing_field", field: "tag_name" });
  if (repo.releases.some((one) => one.tag === tag))
    throw invalid(call, { resource: "Release", code: "already_exists", field: "tag_name" });
  const release: Release = {
    id: call.world.nextId(),
    tag,
    target: textField(call, body, "target_commitish") ?? repo.defaultBranch,
    name: textField(call, body, "name") ?? null,
    body: textField(call, body, "body") ?? null,
    draft: body["draft"] === true,
    prerelease: body["prerelease"] === true,
    author: signedIn(call).user,
    createdAt: call.now,
    assets: [],
  };
  repo.releases.push(release);
  const shape = releaseJson(call.world, repo, release);
  return json(201, shape, { headers: { Location: String(shape["url"]) } });
}

function assets(call: Call): Answer {
  const repo = repositoryFor(call);
  const release = releaseOf(call, repo);
  return page(call, release.assets, (asset) => assetJson(call.world, repo, release, asset));
}

/** JSON by default; with Accept application/octet-stream a 302 to the storage host. */
function oneAsset(call: Call): Answer {
  const repo = repositoryFor(call);
  const { release, asset: found } = assetOf(call, repo);
  if (call.media.param !== "octet-stream")
    return json(200, assetJson(call.world, repo, release, found), { lastModified: found.createdAt });
  const path = `/release-assets/${found.id}`;
  const location = `${call.world.origins.storage}${path}?token=${call.world.downloadToken(path)}`;
  return {
    status: 302,
    raw: { type: "text/html;charset=utf-8", data: Buffer.alloc(0) },
    headers: { Location: location },
  };
}

function updateAsset(call: Call): Answer {
  const repo = repositoryFor(call, "write");
  const { release, asset: found } = assetOf(call, repo);
  const body = jsonBody(call);
  found.name = textField(call, body, "name") ?? found.name;
  found.label = textField(call, body, "label") ?? found.label;
  return json(200, assetJson(call.world, repo, release, found), { lastModified: call.now });
}

function deleteAsset(call: Call): Answer {
  const repo = repositoryFor(call, "write");
  const { release, asset: found } = assetOf(call, repo);
  release.assets.splice(release.assets.indexOf(found), 1);
  return { status: 204 };
}

function upload(call: Call): Answer {
  const repo = repositoryFor(call, "write");
  const release = releaseOf(call, repo);
  const name = call.query.get("name");
  const contentType = call.ask.headers["content-type"];
  if (name === null || name === "") throw failure(400, "Bad Request: the name parameter is required", call.route.docs);
  if (contentType === undefined) throw failure(400, "Content-Type header is required", call.route.docs);
  if (release.assets.some((one) => one.name === name))
    throw invalid(call, { resource: "ReleaseAsset", code: "already_exists", field: "name" });
  const made: Asset = {
    id: call.world.nextId(),
    name,
    label: call.query.get("label") ?? "",
    contentType,
    size: call.ask.bodyBytes,
    data: call.ask.body,
    uploader: signedIn(call).user,
    createdAt: call.now,
  };
  release.assets.push(made);
  const shape = assetJson(call.world, repo, release, made);
  return json(201, shape, { headers: { Location: String(shape["url"]) } });
}

const BASE = "/repos/{owner}/{repo}/releases";

export const releases: Route[] = [
  { method: "GET", path: BASE, docs: "releases/releases#list-releases", scopes: "repo", handle: list },
  { method: "POST", path: BASE, docs: "releases/releases#create-a-release", handle: create },
  {
    method: "GET",
    path: `${BASE}/tags/{tag}`,
    docs: "releases/releases#get-a-release-by-tag-name",
    scopes: "repo",
    handle: get,
  },
  {
    method: "GET",
    path: `${BASE}/assets/{asset_id}`,
    docs: "releases/assets#get-a-release-asset",
    scopes: "repo",
    handle: oneAsset,
  },
  {
    method: "PATCH",
    path: `${BASE}/assets/{asset_id}`,
    docs: "releases/assets#update-a-release-asset",
    handle: updateAsset,
  },
  {
    method: "DELETE",
    path: `${BASE}/assets/{asset_id}`,
    docs: "releases/assets#delete-a-release-asset",
    handle: deleteAsset,
  },
  { method: "GET", path: `${BASE}/{release_id}`, docs: "releases/releases#get-a-release", scopes: "repo", handle: get },
  {
    method: "GET",
    path: `${BASE}/{release_id}/assets`,
    docs: "releases/assets#list-release-assets",
    scopes: "repo",
    handle: assets,
  },
];

export const uploads: Route[] = [
  {
    method: "POST",
    path: `${BASE}/{release_id}/assets`,
    docs: "releases/assets#upload-a-release-asset",
    handle: upload,
  },
];
