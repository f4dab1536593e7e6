// Changes members of a connection; accounts keep their tokens, scopes apply from the next authorization.
import type * as Wire from "@behalf/sdk";
import { actorOf } from "../rules/caller.ts";
import type { Principal } from "../rules/policy.ts";
import { Refusal } from "../rules/refusal.ts";
import type { ConnectionRow } from "../store/schema.ts";
import type { Hosts } from "../upstream/hosts.ts";
import type { ProviderSettings } from "../upstream/provider.ts";
import type { House } from "./house.ts";
import { connectionNamed } from "./steps/addressed.ts";
import { type ConnectionMembers, checkedConnection, columnsOf } from "./steps/checked-connection.ts";
import { connectionView } from "./steps/views.ts";

type Needs = Pick<House, "store" | "vault" | "now" | "presets" | "mayReach" | "origin">;

export type ConnectionPatch = { readonly [Member in keyof ConnectionMembers]?: ConnectionMembers[Member] | undefined };

export async function changeConnection(
  needs: Needs,
  principal: Principal,
  ask: { readonly name: string; readonly patch: ConnectionPatch },
): Promise<Wire.Connection> {
  const { name, patch } = ask;
  const row = await connectionNamed(needs, principal, name);
  const { preset } = needs.vault.provider(row);
  const members = checkedConnection(needs, preset, patched(row, patch));
  const change = {
    ...columnsOf(members),
    ...(patch.client_secret === undefined
      ? {}
      : { client_secret: needs.vault.sealClientSecret(row, patch.client_secret) }),
    updated_at: Math.max(needs.now(), row.updated_at + 1),
  };
  await needs.store.change(async (tables, record) => {
    if (!(await tables.connections.change(row.id, row.updated_at, change))) {
      throw new Refusal("conflict", {
        detail: "Somebody else changed this connection at the same time.",
        next: { action: "retry", detail: "Read the connection again and repeat the change." },
      });
    }
    // Counted here, so that an account that came since we read is not carried along.
    if (isMove(row, members) && (await tables.connections.accountCount(row.id)) > 0) throw moved();
    const details = { members: Object.keys(patch) };
    record({ chain: row.project_id, name: "connection.changed", actor: actorOf(principal), subject: row.id, details });
  });
  return connectionView({ ...row, ...change }, needs.vault.redirectUri(row));
}

function patched(row: ConnectionRow, patch: ConnectionPatch): ConnectionMembers {
  const given = Object.entries(patch).filter(([, value]) => value !== undefined);
  return {
    client_id: row.client_id,
    client_secret: "",
    scopes: JSON.parse(row.scopes) as string[],
    hosts: JSON.parse(row.hosts) as Hosts,
    settings: JSON.parse(row.settings) as ProviderSettings,
    verification: row.verification,
    allow_unverified: row.allow_unverified === 1,
    verify_url_origins: JSON.parse(row.verify_url_origins) as string[],
    ...(Object.fromEntries(given) as Partial<ConnectionMembers>),
  };
}

/** Addresses a stored token is sent to. */
const tokenUrls = ["token_url", "revoke_url", "user_url"] as const;

// Stored tokens were given to one client at one host: sending them to another would hand them over.
function isMove(row: ConnectionRow, members: ConnectionMembers): boolean {
  const hosts = JSON.parse(row.hosts) as Hosts;
  const settings = JSON.parse(row.settings) as ProviderSettings;
  return (
    members.client_id !== row.client_id ||
    members.hosts.api !== hosts.api ||
    members.hosts.web !== hosts.web ||
    tokenUrls.some((member) => members.settings[member] !== settings[member])
  );
}

function moved(): Refusal {
  return new Refusal("conflict", {
    detail: "Client, hosts and URLs cannot change while accounts are connected: their tokens belong to the old ones.",
    next: { action: "create_connection", detail: "Make a new connection, or delete the accounts of this one first." },
  });
}
