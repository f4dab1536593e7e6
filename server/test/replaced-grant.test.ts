// What a change carries along: the grant of a person whom a reconnection replaces, and no token to another host.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { changeConnection } from "../src/flows/change-connection.ts";
import type { Principal } from "../src/rules/policy.ts";
import type { Refusal } from "../src/rules/refusal.ts";
import { openHouse } from "./support/house.ts";
import { Browser, connect, makeConnection } from "./support/person.ts";

test("elsewhere than at GitHub a reconnection ends the grant of the person it replaces, and never one that lives on", async () => {
  const house = await openHouse({ kind: "sqlite" });
  const revoked: string[] = [];
  let issued = 0;
  // A code is the name of a person, and a token begins with it: of all grants the provider says whose they are.
  const provider = createServer((request, response) => {
    void text(request).then((body) => {
      const form = new URLSearchParams(body);
      const [person = ""] = (request.headers.authorization ?? "").replace("Bearer ", "").split("-");
      if (request.url === "/oauth/revoke") revoked.push(form.get("token") ?? "");
      const pair = () => ({ access_token: `${form.get("code")}-${(issued += 1)}`, token_type: "bearer" });
      const said = request.url === "/oauth/token" ? pair() : { id: person, username: person };
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(said));
    });
  }).listen(0, "127.0.0.1");
  await once(provider, "listening");
  try {
    const web = `http://127.0.0.1:${(provider.address() as AddressInfo).port}`;
    const client = { client_id: "x", client_secret: "y".repeat(20), hosts: { web, api: web } };
    const checks = { verification: "custom", verify_url_origins: ["https://app.example"] };
    const made = await house.call("POST", "/v1/connections", {
      body: { name: "lab", preset: "gitlab", ...client, ...checks },
    });
    assert.equal(made.status, 201, made.text);
    await house.call("PUT", "/v1/connections/lab/accounts/a");
    const connectedAs = async (person: string): Promise<void> => {
      const body = { verify_url: "https://app.example/v" };
      const { json } = await house.call("POST", "/v1/connections/lab/accounts/a/link", { body });
      const browser = new Browser();
      const opened = new URL((await browser.get(json.link as string)).location ?? "");
      const back = new URL(opened.searchParams.get("redirect_uri") ?? "");
      back.searchParams.set("code", person);
      back.searchParams.set("state", opened.searchParams.get("state") ?? "");
      const landing = await browser.get(back.href);
      const auth_request_id = new URL(landing.location ?? assert.fail(landing.text)).searchParams.get(
        "auth_request_id",
      );
      const sure = await house.call("POST", "/v1/accounts/verify", { body: { auth_request_id, identifier: "a" } });
      assert.equal(sure.status, 200, sure.text);
      await house.behalf.sweep();
    };
    await connectedAs("ann");
    await connectedAs("ann");
    assert.deepEqual(revoked, []);
    await connectedAs("ben");
    assert.deepEqual(revoked, ["ann-2"]);
  } finally {
    provider.close();
    await house.close();
  }
});

test("a connection does not move to another host under an account that came at that very moment", async () => {
  const house = await openHouse({ kind: "sqlite" });
  try {
    house.fake.user({ login: "octo" });
    await makeConnection(house);
    const needs = house.behalf.house;
    const change: typeof needs.store.change = async (work) => {
      await connect(house, "late");
      return needs.store.change(work);
    };
    const principal: Principal = {
      tokenId: "environment",
      tokenName: "test",
      projectId: house.project as Principal["projectId"],
      isInstance: false,
      environment: "live",
      scopes: ["admin"],
      limits: {},
      budgets: [],
      accountId: null,
      expiresAt: null,
    };
    const hosts = { web: house.fake.web, api: house.fake.web };
    const moving = changeConnection({ ...needs, store: { ...needs.store, change } }, principal, {
      name: "github",
      patch: { hosts },
    });
    await assert.rejects(moving, (error: Refusal) => error.context.next?.action === "create_connection");
    const kept = await house.call("GET", "/v1/connections/github");
    assert.equal(kept.json.hosts.api, house.fake.api);
  } finally {
    await house.close();
  }
});
