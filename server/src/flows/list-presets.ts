// Lists the providers we know, with what a form needs to fill itself in.
import type * as Wire from "@behalf/sdk";
import type { Preset } from "../upstream/presets.ts";
import type { House } from "./house.ts";

export function listPresets(needs: Pick<House, "presets">): Wire.Page<Wire.Preset> {
  return { items: needs.presets.map(presetView), next_cursor: null };
}

function presetView(preset: Preset): Wire.Preset {
  const { name, label, kind, hosts, urls, endpoint } = preset;
  const at = (template: string | null): string | null =>
    template?.replaceAll("{web}", hosts?.web ?? "").replaceAll("{api}", hosts?.api ?? "") ?? null;
  return {
    name,
    label,
    kind,
    hosts,
    authorize_url: at(urls.authorize),
    token_url: at(urls.token),
    token_auth: preset.tokenAuth === "body" ? "body" : "basic",
    default_scopes: preset.defaultScopes,
    refresh: preset.refresh,
    revocation: revocationWord(preset),
    upstream_url: at(endpoint.upstreamUrl),
    endpoint_headers: endpoint.headers,
    registration_url: at(preset.registrationUrl),
    note: preset.note,
  };
}

function revocationWord({ revocation, revocationAsk }: Preset): Wire.Preset["revocation"] {
  const isOwn = revocationAsk.fields !== "rfc7009" || revocationAsk.auth === "none";
  return revocation === "rfc7009" && isOwn ? "own" : revocation;
}
