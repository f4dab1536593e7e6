// Checks what a caller wants a connection to be, against the preset, the SSRF guard and the person's safety.

import { Refusal } from "../../rules/refusal.ts";
import { isLoopbackHost, parseBase, parseOrigin, parseWebUrl } from "../../rules/urls.ts";
import type { ConnectionRow } from "../../store/schema.ts";
import type { Hosts } from "../../upstream/hosts.ts";
import type { Preset } from "../../upstream/presets.ts";
import type { ProviderSettings } from "../../upstream/provider.ts";
import type { House } from "../house.ts";

/** The members of a connection that can be given and changed. */
export interface ConnectionMembers {
  readonly client_id: string;
  readonly client_secret: string;
  readonly scopes: readonly string[];
  readonly hosts: Hosts;
  readonly settings: ProviderSettings;
  readonly verification: "custom" | "none";
  readonly allow_unverified: boolean;
  readonly verify_url_origins: readonly string[];
}

type MemberColumns = Pick<
  ConnectionRow,
  "client_id" | "scopes" | "hosts" | "settings" | "verification" | "allow_unverified" | "verify_url_origins"
>;

type Needs = Pick<House, "mayReach" | "origin">;
type Fault = { readonly path: string; readonly message: string };

const settingUrls = ["authorize_url", "token_url", "revoke_url", "user_url"] as const;

/** Normal forms of hosts, settings and origins; every fault at once, as invalid_input. */
export function checkedConnection(needs: Needs, preset: Preset, members: ConnectionMembers): ConnectionMembers {
  const faults: Fault[] = [];
  const hosts = {
    web: checkedHost(needs, "hosts.web", members.hosts.web, faults),
    api: checkedHost(needs, "hosts.api", members.hosts.api, faults),
  };
  for (const member of settingUrls) {
    const text = members.settings[member];
    if (text !== undefined) checkedHost(needs, `settings.${member}`, text, faults);
  }
  faults.push(...(preset.client === "none" ? strayClient(members) : missingUrls(preset, members)));
  const origins = members.verify_url_origins.map((text, index) => {
    const origin = parseOrigin(text);
    if (origin === undefined)
      faults.push({
        path: `verify_url_origins.${index}`,
        message: "must be an origin such as https://app.example.com",
      });
    return origin ?? text;
  });
  if (members.verification === "none" && !members.allow_unverified && !isLoopbackHost(new URL(needs.origin).hostname)) {
    faults.push({
      path: "verification",
      message:
        '"none" lets whoever opens a link connect their own account in its place; say allow_unverified: true if you mean it, or use "custom"',
    });
  }
  if (faults.length > 0) {
    throw new Refusal("invalid_input", {
      detail: "The connection cannot be set up like this.",
      errors: faults,
      next: { action: "fix_input", detail: "Correct the members named in `errors`." },
    });
  }
  return { ...members, hosts, verify_url_origins: origins };
}

function missingUrls(preset: Preset, { settings }: ConnectionMembers): readonly Fault[] {
  const missing = (["authorize", "token"] as const).filter(
    (member) => preset.urls[member] === null && settings[`${member}_url`] === undefined,
  );
  return missing.map((member) => ({ path: `settings.${member}_url`, message: "is needed with this preset" }));
}

/** Where nobody authorises through a client, one that is given would be a secret kept for nothing. */
function strayClient(members: ConnectionMembers): readonly Fault[] {
  const given = (["client_id", "client_secret"] as const).filter((member) => members[member] !== "");
  return given.map((path) => ({ path, message: "must be left out: this preset has no client" }));
}

function checkedHost(needs: Needs, path: string, text: string, faults: Fault[]): string {
  const base = path.startsWith("hosts.") ? parseBase(text) : parseWebUrl(text)?.href;
  if (base === undefined) {
    faults.push({ path, message: "must be an https URL without credentials, query or fragment" });
    return text;
  }
  if (!needs.mayReach(new URL(base))) {
    const message = `is not reachable for Behalf: private addresses and plain http have to be allowed with BEHALF_ALLOW_UPSTREAM=${hostAndPort(new URL(base))}`;
    faults.push({ path, message });
  }
  return base;
}

/** Members as columns; the secret is sealed apart, since it is bound to its row. */
export function columnsOf(members: ConnectionMembers): MemberColumns {
  return {
    client_id: members.client_id,
    scopes: JSON.stringify(members.scopes),
    hosts: JSON.stringify(members.hosts),
    settings: JSON.stringify(members.settings),
    verification: members.verification,
    allow_unverified: members.allow_unverified ? 1 : 0,
    verify_url_origins: JSON.stringify(members.verify_url_origins),
  };
}

/** As the setting wants it: with the port, also where it is the scheme's own. */
function hostAndPort({ protocol, hostname, port }: URL): string {
  return `${hostname}:${port === "" ? (protocol === "https:" ? "443" : "80") : port}`;
}
