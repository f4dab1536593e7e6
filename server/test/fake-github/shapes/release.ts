// Releases and their assets as JSON.
import type { Asset, Release, Repository } from "../model.ts";
import type { World } from "../world.ts";
import { fullName } from "../world.ts";
import { iso, nodeId, simpleUser } from "./account.ts";

export function assetJson(world: World, repo: Repository, release: Release, asset: Asset): Record<string, unknown> {
  const name = fullName(repo);
  return {
    url: `${world.origins.api}/repos/${name}/releases/assets/${asset.id}`,
    id: asset.id,
    node_id: nodeId("ReleaseAsset", asset.id),
    name: asset.name,
    label: asset.label,
    uploader: simpleUser(world, asset.uploader),
    content_type: asset.contentType,
    state: "uploaded",
    size: asset.size,
    download_count: 0,
    created_at: iso(asset.createdAt),
    updated_at: iso(asset.createdAt),
    browser_download_url: `${world.origins.web}/${name}/releases/download/${release.tag}/${asset.name}`,
  };
}

export function releaseJson(world: World, repo: Repository, release: Release): Record<string, unknown> {
  const name = fullName(repo);
  const base = `${world.origins.api}/repos/${name}`;
  return {
    url: `${base}/releases/${release.id}`,
    assets_url: `${base}/releases/${release.id}/assets`,
    upload_url: `${world.origins.uploads}/repos/${name}/releases/${release.id}/assets{?name,label}`,
    html_url: `${world.origins.web}/${name}/releases/tag/${release.tag}`,
    id: release.id,
    author: simpleUser(world, release.author),
    node_id: nodeId("Release", release.id),
    tag_name: release.tag,
    target_commitish: release.target,
    name: release.name,
    draft: release.draft,
    prerelease: release.prerelease,
    created_at: iso(release.createdAt),
    published_at: release.draft ? null : iso(release.createdAt),
    assets: release.assets.map((asset) => assetJson(world, repo, release, asset)),
    tarball_url: `${base}/tarball/${release.tag}`,
    zipball_url: `${base}/zipball/${release.tag}`,
    body: release.body,
  };
}
