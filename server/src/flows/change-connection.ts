// Changes members of a connection; accounts keep their tokens, scopes apply from the next authorization.
import { actorOf } from "../rules/caller.ts";
import type { Principal } from "../rules/policy.ts";
import { Refusal } from "../rules/refusal.ts";
import { connectionView } from "./steps/views.ts";
import type { Hosts, ProviderSettings } from "../upstream/provider.ts";
import { connectionNamed } from "./steps/addressed.ts";
import { type ConnectionMembers, checkedConnection } from "./steps/checked-connection.ts";
import type { House } from "./house.ts";

type Needs = Pick<House, "store" | "vault" | "now" | "presets" | "mayReach" | "origin">;

export type ConnectionPatch = { readonly [Member in keyof ConnectionMembers]?: ConnectionMembers[Member] | undefined };

export async function changeConnection(needs: Needs, principal: Principal, ask: { readonly name: string; readonly patch: ConnectionPatch }) {
  const { name, patch } = ask;
  const row = await connectionNamed(needs, principal, name);
  const { preset } = needs.vault.provider(row);
  const hosts = JSON.parse(row.hosts) as Hosts;
  const members = checkedConnection(needs, preset, {
    client_id: patch.client_id ?? row.client_id,
    client_secret: patch.client_secret ?? "",
    scopes: patch.scopes ?? (JSON.parse(row.scopes) as string[]),
    hosts: patch.hosts ?? hosts,
    settings: patch.settings ?? (JSON.parse(row.settings) as ProviderSettings),
    verification: patch.verification ?? row.verification,
    allow_unverified: patch.allow_unverified ?? row.allow_unverified === 1,
    verify_url_origins: patch.verify_url_origins ?? (JSON.parse(row.verify_url_origins) as string[]),
  });
  // Stored tokens were given to one client at one host: sending them to another would hand them over.
  const moved = members.client_id !== row.client_id || members.hosts.api !== hosts.api || members.hosts.web !== hosts.web;
  const urlsMoved = JSON.stringify(members.settings) !== row.settings;
  if ((moved || (urlsMoved && preset.kind === "oauth")) && (await needs.store.connections.accountCount(row.id)) > 0) {
    throw new Refusal("conflict", {
      detail: "Client, hosts and URLs cannot change while accounts are connected: their tokens belong to the old ones.",
      next: { action: "create_connection", detail: "Make a new connection, or delete the accounts of this one first." },
    });
  }
  const change = {
    client_id: members.client_id,
    ...(patch.client_secret === undefined ? {} : { client_secret: needs.vault.sealClientSecret(row, patch.client_secret) }),
    scopes: JSON.stringify(members.scopes),
    hosts: JSON.stringify(members.hosts),
    settings: JSON.stringify(members.settings),
    verification: members.verification,
    allow_unverified: members.allow_unverified ? 1 : 0,
    verify_url_origins: JSON.stringify(members.verify_url_origins),
    updated_at: Math.max(needs.now(), row.updated_at + 1),
  };
  await needs.store.change(async (tables, record) => {
    if (!(await tables.connections.change(row.id, row.updated_at, change))) {
      throw new Refusal("conflict", {
        detail: "Somebody else changed this connection at the same time.",
        next: { action: "retry", detail: "Read the connection again and repeat the change." },
      });
    }
    const details = { members: Object.keys(patch) };
    record({ chain: row.project_id, name: "connection.changed", actor: actorOf(principal), subject: row.id, details });
  });
  return connectionView({ ...row, ...change }, needs.vault.redirectUri(row));
}
