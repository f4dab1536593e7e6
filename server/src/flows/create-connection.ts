// Makes a connection.
import type * as Wire from "@behalf/sdk";
import { actorOf, projectOf } from "../rules/caller.ts";
import type { Principal } from "../rules/policy.ts";
import { Refusal } from "../rules/refusal.ts";
import type { Hosts } from "../upstream/hosts.ts";
import type { Preset } from "../upstream/presets.ts";
import type { ProviderSettings } from "../upstream/provider.ts";
import type { House } from "./house.ts";
import { checkedConnection, columnsOf } from "./steps/checked-connection.ts";
import { connectionView } from "./steps/views.ts";

type Needs = Pick<House, "store" | "vault" | "now" | "newId" | "presets" | "mayReach" | "origin">;

export interface ConnectionRequest {
  readonly name: string;
  readonly preset: string;
  /** Both needed, but for a preset without a client. */
  readonly client_id?: string | undefined;
  readonly client_secret?: string | undefined;
  readonly scopes?: readonly string[] | undefined;
  readonly hosts?: Hosts | undefined;
  readonly settings?: ProviderSettings | undefined;
  readonly verification?: "custom" | "none" | undefined;
  readonly allow_unverified?: boolean | undefined;
  readonly verify_url_origins?: readonly string[] | undefined;
}

export async function createConnection(
  needs: Needs,
  principal: Principal,
  request: ConnectionRequest,
): Promise<Wire.Connection> {
  const project = projectOf(principal);
  const preset = needs.presets.find((known) => known.name === request.preset);
  const hosts = request.hosts ?? preset?.hosts ?? null;
  if (preset === undefined)
    throw refused("preset", `must be one of ${needs.presets.map((known) => known.name).join(", ")}`);
  if (hosts === null) throw refused("hosts", "is needed with this preset: {web, api}");
  const members = checkedConnection(needs, preset, {
    ...clientOf(preset, request),
    scopes: request.scopes ?? preset.defaultScopes,
    hosts,
    settings: request.settings ?? {},
    verification: request.verification ?? "custom",
    allow_unverified: request.allow_unverified ?? false,
    verify_url_origins: request.verify_url_origins ?? [],
  });
  const id = needs.newId("connection");
  const now = needs.now();
  const row = {
    id,
    project_id: project,
    name: request.name,
    preset: preset.name,
    ...columnsOf(members),
    // Without a client there is no secret, and an empty column says so.
    client_secret:
      members.client_secret === ""
        ? ""
        : needs.vault.sealClientSecret({ id, project_id: project }, members.client_secret),
    created_at: now,
    updated_at: now,
  };
  await needs.store.change(async (tables, record) => {
    if (!(await tables.connections.add(row))) throw nameTaken();
    const details = { name: row.name, preset: row.preset };
    record({ chain: project, name: "connection.created", actor: actorOf(principal), subject: id, details });
  });
  return connectionView(row, needs.vault.redirectUri(row));
}

function clientOf(
  preset: Preset,
  { client_id = "", client_secret = "" }: ConnectionRequest,
): { readonly client_id: string; readonly client_secret: string } {
  const given = Object.entries({ client_id, client_secret });
  const missing = given
    .filter(([, text]) => text === "")
    .map(([path]) => ({ path, message: "is needed with this preset" }));
  if (preset.client !== "none" && missing.length > 0) throw refusedAll(missing);
  return { client_id, client_secret };
}

function refused(path: string, message: string): Refusal {
  return refusedAll([{ path, message }]);
}

function refusedAll(errors: readonly { readonly path: string; readonly message: string }[]): Refusal {
  return new Refusal("invalid_input", {
    detail: "The connection cannot be set up like this.",
    errors,
    next: { action: "fix_input", detail: "`GET /v1/presets` says what each preset needs." },
  });
}

function nameTaken(): Refusal {
  return new Refusal("conflict", {
    detail: "This project has a connection of that name.",
    next: { action: "choose_name", detail: "Choose another name, or change the connection that is there with PATCH." },
  });
}
