// Lists the providers we know.
import type * as Wire from "@behalf/sdk";
import type { House } from "./house.ts";

export function listPresets(needs: Pick<House, "presets">): Wire.Page<Wire.Preset> {
  return {
    items: needs.presets.map((preset) => ({
      name: preset.name,
      label: preset.label,
      hosts: preset.hosts,
      default_scopes: preset.defaultScopes,
      registration_url: preset.registrationUrl?.replaceAll("{web}", preset.hosts?.web ?? "") ?? null,
      note: preset.note,
    })),
    next_cursor: null,
  };
}
