// Turns the URL templates of a preset, or the settings of a connection, into addresses.
import type { PresetUrls } from "./presets/preset.ts";
import type { Provider, ProviderSettings } from "./provider.ts";

/** The setting that names an address where the preset has none. */
const settingOf = {
  authorize: "authorize_url",
  token: "token_url",
  revoke: "revoke_url",
  user: "user_url",
  tokenCheck: null,
  grant: null,
  installations: null,
} as const satisfies Record<keyof PresetUrls, keyof ProviderSettings | null>;

/** The address for one purpose; null when the provider has none. A preset's own address is never overridden by a setting. */
export function endpointOf(provider: Provider, purpose: keyof PresetUrls): URL | null {
  const template = provider.preset.urls[purpose];
  const setting = settingOf[purpose];
  const text =
    template === null ? (setting === null ? undefined : provider.settings[setting]) : fill(template, provider);
  if (text === undefined || !URL.canParse(text)) return null;
  const url = new URL(text);
  const plain = (url.protocol === "https:" || url.protocol === "http:") && url.username === "" && url.password === "";
  return plain ? url : null;
}

function fill(template: string, { hosts, clientId }: Provider): string {
  return template
    .replace("{web}", () => hosts.web)
    .replace("{api}", () => hosts.api)
    .replace("{client_id}", () => encodeURIComponent(clientId));
}
