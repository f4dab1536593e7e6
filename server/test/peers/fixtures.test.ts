// Recorded exchanges of the real api.github.com (@octokit/fixtures), played by their own server, pass through our proxy as recorded.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { request as ask, createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type Recorded, recording } from "../fake-github/recorded.ts";
import { actAs } from "../support/child.ts";
import { type Answer, call, freePort, openHouse, type TestHouse } from "../support/house.ts";

/** The server patches HTTP for its whole process, so it has one of its own. */
let player: ChildProcess;
let playerOrigin = "";
/** Stands before it: knows the person who connects, and brings the token, Accept and Accept-Encoding of the recording. */
let front: Server;
let frontOrigin = "";
const sent: IncomingMessage[] = [];
let demanded: Record<string, string> = {};

before(async () => {
  const port = await freePort();
  playerOrigin = `http://127.0.0.1:${port}`;
  front = createServer(receive).listen(0, "127.0.0.1");
  await once(front, "listening");
  frontOrigin = `http://127.0.0.1:${(front.address() as AddressInfo).port}`;
  const folder = dirname(createRequire(import.meta.url).resolve("@octokit/fixtures-server/package.json"));
  const options = ["--port", String(port), "--log-level", "silent", "--fixtures-url", frontOrigin];
  player = spawn(process.execPath, [join(folder, "bin/server.js"), ...options], { stdio: "ignore" });
  for (let tries = 0; tries < 200 && !(await isUp()); tries += 1) await sleep(50);
});
after(() => {
  player.kill("SIGKILL");
  front.closeAllConnections();
  front.close();
});

async function isUp(): Promise<boolean> {
  return fetch(`${playerOrigin}/ping`).then(
    ({ ok }) => ok,
    () => false,
  );
}

function receive(request: IncomingMessage, response: ServerResponse): void {
  const { method = "GET", url = "" } = request;
  if (method === "GET" && url.endsWith("/user")) {
    response.writeHead(200, { "content-type": "application/json" }).end('{"id":7,"login":"octo"}');
    return;
  }
  sent.push(request);
  const headers = { ...request.headers, ...demanded };
  const onward = ask(playerOrigin + url, { method, headers }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
    answer.pipe(response);
  });
  onward.on("error", () => response.destroy());
  request.pipe(onward);
}

interface Play {
  readonly house: TestHouse;
  readonly id: string;
  /** The base every recorded address has here: as upstream says it. */
  readonly base: string;
  readonly naming: Record<string, string>;
  readonly credential: string;
}

async function play(scenario: string): Promise<Play> {
  const loaded = await call(playerOrigin, "POST", "/fixtures", { body: { scenario } });
  const { id, url } = loaded.json as { id: string; url: string };
  const house = await openHouse();
  const base = `${frontOrigin}${new URL(url).pathname}`;
  const { naming, credential } = await actAs(house, base);
  sent.splice(0);
  return { house, id, base, naming, credential };
}

type Exchange = Recorded & {
  readonly scope: string;
  readonly body?: unknown;
  readonly reqheaders: Record<string, string>;
};

async function send(playing: Play, exchange: Exchange): Promise<Answer> {
  const { host: _, "content-length": __, ...reqheaders } = exchange.reqheaders;
  demanded = reqheaders;
  const type = reqheaders["content-type"];
  const hasBody = exchange.body !== undefined && exchange.body !== "";
  const headers = { ...playing.naming, ...(type === undefined ? {} : { "content-type": type }) };
  const method = exchange.method.toUpperCase();
  return playing.house.call(method, `/proxy${exchange.path}`, { headers, ...(hasBody ? { body: exchange.body } : {}) });
}

/** An address of the recording, as the player rewrites it, and as our caller has to see it. */
function moved(text: string, playing: Play, isOurs: boolean): string {
  return text.replaceAll(/https?:\/\/([^/]+)\//g, (_, host: string) =>
    isOurs && host === "api.github.com" ? `${playing.house.origin}/proxy/` : `${frontOrigin}/${host}/${playing.id}/`,
  );
}

const dropped = [
  "set-cookie",
  "strict-transport-security",
  "content-length",
  "transfer-encoding",
  "connection",
  "date",
];

function compare(answer: Answer, exchange: Exchange, playing: Play): void {
  const what = `${exchange.method} ${exchange.path}`;
  assert.equal(answer.status, exchange.status, `${what} ${answer.text}`);
  for (const [name, value] of Object.entries(exchange.headers)) {
    if (dropped.includes(name) || name.startsWith("access-control-")) continue;
    const isOurs = name === "link" || name === "location";
    assert.equal(answer.headers.get(name), moved(String(value), playing, isOurs), `${what} ${name}`);
  }
  assert.equal(answer.headers.get("behalf-refusal"), null);
  if (exchange.response === "" || exchange.response === undefined) return assert.equal(answer.text, "", what);
  const { response } = exchange;
  const recorded = JSON.parse(moved(JSON.stringify(response), playing, false)) as unknown;
  return assert.deepEqual(typeof recorded === "string" ? answer.text : answer.json, recorded, what);
}

function allOf(scenario: string): Exchange[] {
  const found: Exchange[] = [];
  for (let index = 0; ; index += 1) {
    try {
      found.push(recording(scenario, index) as Exchange);
    } catch {
      // What the recording client did at other hosts afterwards is its own affair.
      return found.filter(({ scope }) => scope.startsWith("https://api.github.com"));
    }
  }
}

const scenarios = [
  "get-repository",
  "get-root",
  "get-organization",
  "get-content",
  "get-archive",
  "paginate-issues",
  "rename-repository",
  "mark-notifications-as-read",
  "errors",
  "labels",
  "create-file",
  "markdown",
  "search-issues",
  "lock-issue",
  "git-refs",
];

describe("every exchange of a recording passes: status, headers, body", () => {
  for (const scenario of scenarios) {
    test(scenario, async () => {
      const playing = await play(scenario);
      try {
        const exchanges = allOf(scenario);
        assert.ok(exchanges.length > 0);
        for (const exchange of exchanges) compare(await send(playing, exchange), exchange, playing);
        assert.equal(sent.length, exchanges.length);
        for (const { headers } of sent) assert.equal(headers.authorization, `Bearer ${playing.credential}`);
      } finally {
        await playing.house.close();
      }
    });
  }
});
