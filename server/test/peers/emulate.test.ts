// The thread through a GitHub that others wrote: emulate@0.12.2. It has no token check, no refresh and no PKCE, and works all the same.
// A peer for the ordinary way only: it takes any token for its first user's, so it proves nothing about safety.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { createEmulator, type Emulator } from "emulate";
import { type Answer, clientId, clientSecret, freePort, openHouse, type TestHouse } from "../support/house.ts";
import { Browser, type Landing } from "../support/person.ts";

let house: TestHouse;
let github: Emulator;
let origin = "";
let landing: Landing;
const hello = { owner: "mona", repo: "garden" };

before(async () => {
  // The house first: the emulator wants the exact redirect URI, and that has our port.
  house = await openHouse();
  const port = await freePort();
  origin = `http://127.0.0.1:${port}`;
  github = await createEmulator({
    service: "github",
    port,
    // Without it every address it gives says localhost, which is another origin than the one asked.
    baseUrl: origin,
    seed: {
      tokens: {},
      github: {
        users: [{ login: "hubot" }, { login: "mona", name: "Mona Lisa" }],
        repos: [{ owner: "mona", name: "garden", auto_init: true }],
        oauth_apps: [
          {
            client_id: clientId,
            client_secret: clientSecret,
            name: "Behalf",
            redirect_uris: [`${house.origin}/oauth/callback`],
          },
        ],
      },
    },
  });
  const client = { client_id: clientId, client_secret: clientSecret, scopes: ["repo", "user"] };
  const made = await house.call("POST", "/v1/connections", {
    body: { name: "github", preset: "github", ...client, verification: "none", hosts: { web: origin, api: origin } },
  });
  if (made.status !== 201) throw new Error(made.text);
  landing = await walk("user_1", "mona");
});
after(async () => {
  await github.close();
  await house.close();
});

/** Opens a link, picks the user on the emulator's page as a person would, and comes back. */
async function walk(identifier: string, login: string): Promise<Landing> {
  const path = `/v1/connections/github/accounts/${identifier}`;
  await house.call("PUT", path);
  const browser = new Browser();
  const opened = await browser.get((await house.call("POST", `${path}/link`, { body: {} })).json.link as string);
  const picker = await browser.get(opened.location ?? "");
  const { action, fields } = choice(picker.text, login);
  const response = await fetch(new URL(action, origin), { method: "POST", body: fields, redirect: "manual" });
  return browser.get(response.headers.get("location") ?? "");
}

function choice(page: string, login: string): { readonly action: string; readonly fields: URLSearchParams } {
  for (const [, tag = "", body = ""] of page.matchAll(/<form\b([^>]*)>(.*?)<\/form>/gs)) {
    const fields = new URLSearchParams();
    for (const [input] of body.matchAll(/<input\b[^>]*>/g))
      fields.append(attribute(input, "name"), attribute(input, "value"));
    if (fields.get("login") === login) return { action: attribute(tag, "action"), fields };
  }
  throw new Error(`The page does not offer ${login}: ${page.slice(0, 500)}`);
}

function attribute(tag: string, name: string): string {
  const value = new RegExp(`\\b${name}="([^"]*)"`).exec(tag)?.[1] ?? "";
  return value.replaceAll("&amp;", "&").replaceAll("&#39;", "'").replaceAll("&quot;", '"');
}

async function run(name: string, input: object): Promise<Answer> {
  return house.call("POST", `/v1/tools/${name}/execute`, { body: { identifier: "user_1", input } });
}

const naming = { connection_name: "github", identifier: "user_1" };

describe("a person connects by the emulator's own pages", () => {
  test("and the account is theirs", async () => {
    assert.equal(landing.status, 200, landing.text);
    assert.match(landing.text, /GitHub connected/);
    const { json } = await house.call("GET", "/v1/connections/github/accounts/user_1");
    assert.equal(json.status, "ACTIVE");
    assert.equal(json.provider_user.login, "mona");
  });

  test("a second person under another name is another account", async () => {
    const second = await walk("user_2", "hubot");
    assert.equal(second.status, 200, second.text);
    const { json } = await house.call("GET", "/v1/connections/github/accounts/user_2");
    assert.equal(json.provider_user.login, "hubot");
  });

  test("a check of a token is no verdict where nobody can be asked", async () => {
    house.fake.clock.advance(60_000);
    const { json, text } = await house.call("GET", "/v1/connections/github/accounts/user_1?check=true");
    assert.equal(json.status, "ACTIVE", text);
  });
});

describe("tools act as that person:", () => {
  test("they list and show repositories", async () => {
    const list = await run("github_user_repos_list", {});
    assert.ok(Array.isArray(list.json.data), list.text);
    assert.ok(list.json.data.some((one: { full_name: string }) => one.full_name === "mona/garden"));
    assert.equal((await run("github_repo_get", hello)).json.data.full_name, "mona/garden");
    const open = await house.call("POST", "/v1/tools/github_public_repos_list/execute", {
      body: { connection: "github", input: { username: "mona" } },
    });
    assert.equal(open.status, 200, open.text);
    assert.ok(open.json.data.length >= 1);
  });

  test("they open and list issues", async () => {
    const made = await run("github_issue_create", { ...hello, title: "Water the roses", body: "Today." });
    assert.equal(made.status, 200, made.text);
    assert.equal(made.json.data.user.login, "mona");
    const list = await run("github_issues_list", { ...hello, state: "open" });
    assert.deepEqual(
      list.json.data.map((one: { title: string }) => one.title),
      ["Water the roses"],
    );
  });

  test("they write a file, read it back and change it", async () => {
    const file = { ...hello, path: "beds/north side.md" };
    const content = (text: string): string => Buffer.from(text).toString("base64");
    const made = await run("github_file_create_update", { ...file, message: "plant", content: content("tulips") });
    assert.equal(made.status, 200, made.text);
    const read = await run("github_file_contents_get", file);
    assert.equal(Buffer.from(read.json.data.content, "base64").toString(), "tulips");
    const blind = await run("github_file_create_update", { ...file, message: "replant", content: content("roses") });
    assert.equal(blind.json.code, "upstream_invalid", blind.text);
    const { sha } = read.json.data;
    const changed = await run("github_file_create_update", {
      ...file,
      message: "replant",
      content: content("roses"),
      sha,
    });
    assert.equal(changed.status, 200, changed.text);
    const stale = await run("github_file_create_update", { ...file, message: "again", content: content("weeds"), sha });
    assert.equal(stale.json.code, "upstream_conflict", stale.text);
  });

  test("they ask for and list pull requests", async () => {
    const main = await house.call("GET", "/proxy/repos/mona/garden/git/ref/heads/main", { headers: naming });
    assert.equal(main.status, 200, main.text);
    const ref = { ref: "refs/heads/spring", sha: main.json.object.sha };
    const branch = await house.call("POST", "/proxy/repos/mona/garden/git/refs", { headers: naming, body: ref });
    assert.equal(branch.status, 201, branch.text);
    const content = Buffer.from("new").toString("base64");
    const file = { ...hello, path: "new.md", message: "new", content, branch: "spring" };
    assert.equal((await run("github_file_create_update", file)).status, 200);
    const made = await run("github_pull_request_create", { ...hello, head: "spring", base: "main", title: "Spring" });
    assert.equal(made.status, 200, made.text);
    const list = await run("github_pull_requests_list", hello);
    assert.deepEqual(
      list.json.data.map((one: { number: number }) => one.number),
      [made.json.data.number],
    );
  });
});

describe("raw calls pass to and fro:", () => {
  test("as the person, and its links lead to us", async () => {
    const user = await house.call("GET", "/proxy/user", { headers: naming });
    assert.equal(user.json.login, "mona");
    for (const title of ["a", "b"])
      await house.call("POST", "/proxy/repos/mona/garden/issues", { headers: naming, body: { title } });
    const page = await house.call("GET", "/proxy/repos/mona/garden/issues?per_page=1", { headers: naming });
    const link = page.headers.get("link") ?? "";
    assert.match(link, /rel="next"/);
    assert.ok(!link.includes(origin), link);
    const [, next = ""] = /<([^>]+)>; rel="next"/.exec(link) ?? [];
    assert.ok(next.startsWith(`${house.origin}/proxy/`), next);
    assert.equal((await house.call("GET", next.slice(house.origin.length), { headers: naming })).json.length, 1);
  });

  test("a host without the revocation endpoints still lets an account end", async () => {
    const gone = await house.call("DELETE", "/v1/connections/github/accounts/user_2");
    assert.ok(gone.status === 204 || gone.status === 202, gone.text);
    const later = await house.call("GET", "/proxy/user", { headers: { ...naming, identifier: "user_2" } });
    assert.ok(later.status === 404 || later.status === 403, later.text);
  });
});
