// Everything a database keeps sealed: a house that has some of each, and a look that opens all of it.
import assert from "node:assert/strict";
import { systemRandom } from "../../src/crypto/random.ts";
import { makeKeyRing } from "../../src/crypto/seal.ts";
import { databaseOf, openStore } from "../../src/opening.ts";
import type { NamedKey } from "../../src/settings.ts";
import { sealedColumns } from "../../src/store/reseal.ts";
import { type Rotated, rotate } from "../../src/vault/reseal.ts";
import type { ScratchDatabase } from "./databases.ts";
import { clientId, type TestHouse } from "./house.ts";
import { Browser, connect } from "./person.ts";
import { openRaw, type RawRow } from "./sql.ts";

export function ringText(keys: readonly NamedKey[]): string {
  return keys.map(({ id, key }) => `${id}:${key.reveal()}`).join(",");
}

/** Every envelope of every text column: where it lies and which key seals it. */
export async function envelopes(
  database: ScratchDatabase,
): Promise<{ place: string; key: string; row: RawRow; column: string }[]> {
  const raw = await openRaw(database);
  const dump = await raw.dump();
  await raw.close();
  return Object.entries(dump).flatMap(([table, rows]) =>
    rows.flatMap((row) =>
      Object.entries(row).flatMap(([column, value]) => {
        const key = /^bhs1\.([a-z0-9]+)\./.exec(String(value))?.[1];
        return key === undefined ? [] : [{ place: `${table}.${column}`, key, row, column }];
      }),
    ),
  );
}

/** Opens every value there is with these keys and no others: how many there were. */
export async function openAll(database: ScratchDatabase, keys: readonly NamedKey[]): Promise<number> {
  const ring = makeKeyRing(keys, systemRandom);
  const found = await envelopes(database);
  for (const { place, row, column } of found) {
    const [table = ""] = place.split(".");
    const project = String(row["project_id"] ?? "instance");
    const id = String(row["id"] ?? row["key_digest"] ?? row["name"]);
    ring.open(String(row[column]), { project, table, row: id, column });
  }
  return found.length;
}

export async function rotateHere(
  database: ScratchDatabase,
  keys: readonly NamedKey[],
  note: () => unknown = () => undefined,
): Promise<Rotated> {
  const store = databaseOf({ database: database.choice });
  try {
    const opened = await openStore(store, keys, { now: () => Date.now(), random: systemRandom });
    const progress = (): void => void note();
    return await rotate({ ...opened, columns: sealedColumns, progress });
  } finally {
    await store.close();
  }
}

/** Something in every column that is ever sealed. */
export async function fill(house: TestHouse): Promise<void> {
  await connect(house, "one");
  const custom = { verification: "custom", verify_url_origins: ["https://app.example"] };
  const members = { client_id: clientId, client_secret: "client-secret-for-tests-0123456789", ...custom };
  const hosts = { web: house.fake.web, api: house.fake.api };
  const body = { name: "careful", preset: "github-app", hosts, ...members };
  assert.equal((await house.call("POST", "/v1/connections", { body })).status, 201);
  const path = "/v1/connections/careful/accounts/two";
  await house.call("PUT", path);
  const link = await house.call("POST", `${path}/link`, { body: { verify_url: "https://app.example/v" } });
  const browser = new Browser();
  const there = await browser.get(link.json.link as string);
  await browser.get(await house.fake.approve(there.location ?? "", "hubot"));
  await connect(house, "three");
  house.fake.fault({
    origin: "api",
    method: "DELETE",
    path: /^\/applications/,
    kind: "status",
    status: 500,
    times: 9,
  });
  assert.equal((await house.call("DELETE", "/v1/connections/github/accounts/three")).status, 202);
  const minted = { body: { name: "keyed", scopes: ["tools"] }, headers: { "idempotency-key": "k" } };
  assert.equal((await house.call("POST", "/v1/tokens", minted)).status, 201);
  await addEndpoint(house);
}

async function addEndpoint(house: TestHouse): Promise<void> {
  const [connection] = (await house.call("GET", "/v1/connections")).json.items as { id: string }[];
  const { store, vault, newId } = house.behalf.house;
  const id = newId("endpoint");
  const place = { project: house.project, table: "endpoints", row: id, column: "inject_headers" };
  await store.endpoints.add({
    id,
    project_id: house.project as never,
    slug: "api",
    name: "API",
    upstream_url: house.fake.api,
    methods: '["GET"]',
    connection_id: connection?.id as never,
    identifier: "one",
    timeout_seconds: 30,
    strip_prefix: 1,
    preserve_query: 1,
    forward_headers: "[]",
    blocked_headers: "[]",
    inject_names: '["x-key"]',
    inject_headers: vault.sealText(place, '{"x-key":"injected-secret"}'),
    rate_limit_per_minute: null,
    rate_limit_per_hour: null,
    active: 1,
    created_at: 1,
    updated_at: 1,
  });
}
