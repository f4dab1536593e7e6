// The demo as a newcomer runs it, once through: it is the first thing anybody sees, so it must not rot.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { hitsIn } from "../src/demo-agent.ts";
import { Browser, formOf, redirected } from "../src/demo-person.ts";
import { makeScreen } from "../src/demo-screen.ts";
import { type Ended, runCommand } from "./support/processes.ts";

const folder = mkdtempSync(join(tmpdir(), "behalf-demo-"));
after(() => rmSync(folder, { recursive: true, force: true }));

/** More of a token than the few characters that show its kind. */
const githubToken = /gh[opsur]_[\w-]{4,}/;

describe("npm run demo -- --once", () => {
  let ended: Ended;
  before(async () => {
    ended = await runCommand(["demo", "--once"], {}, folder);
  });

  test("plays every step and ends well", () => {
    assert.equal(ended.code, 0, ended.stdout + ended.stderr);
    assert.equal(ended.stderr, "");
    const steps = [...ended.stdout.matchAll(/^ {2}✓ (.+?) {2,}.* (\d+) ms$/gm)].map(([, says]) => says);
    assert.deepEqual(steps, [
      "Behalf, on SQLite",
      "GitHub, emulated",
      "makes a project",
      "makes a connection to GitHub",
      "asks for a link for user_42",
      "opens the link",
      "says yes at GitHub",
      "comes back",
      "gets a token of its own",
      "lists the repositories",
      "opens an issue",
      "writes a file",
      "reads GitHub's raw API",
    ]);
  });

  test("shows side by side what the agent and what GitHub saw", () => {
    assert.match(ended.stdout, /What the agent saw +What GitHub saw/);
    assert.match(ended.stdout, /tool github_issue_create +POST \/repos\/mona\/garden\/issues 201/);
    assert.match(ended.stdout, /GitHub token +0 hits in all of it/);
    assert.match(ended.stdout, /0 hits in Behalf's files/);
    assert.match(ended.stdout, /4 for the agent/);
    assert.match(ended.stdout, /who acted +mona/);
  });

  test("prints no token of GitHub, no colour into a pipe, and leaves nothing behind", () => {
    assert.doesNotMatch(ended.stdout + ended.stderr, githubToken);
    assert.ok(!ended.stdout.includes("\u001b"));
    assert.deepEqual(readdirSync(join(folder, ".demo")), []);
  });

  test("refuses what it does not know", async () => {
    const { code, stderr } = await runCommand(["demo", "--twice"], {}, folder);
    assert.equal(code, 2);
    assert.match(stderr, /Unknown option '--twice'/);
  });
});

test("left running, the demo lets a person connect, answers the printed curl lines, and ends on Ctrl-C", async () => {
  const cli = fileURLToPath(new URL("../src/cli.ts", import.meta.url));
  const child = spawn(process.execPath, [cli, "demo"], { cwd: folder, stdio: ["ignore", "pipe", "inherit"] });
  let said = "";
  child.stdout.on("data", (chunk: Buffer) => (said += chunk.toString()));
  for (let tries = 0; !/Ctrl-C/.test(said) && tries < 300; tries += 1) await sleep(100);
  const curls = [...said.matchAll(/curl (.*) (http:\S+)/g)].map(([, options = "", url = ""]) => {
    const headers = [...options.matchAll(/-H '([^:]+): ([^']*)'/g)].map(([, name = "", value = ""]) => [name, value]);
    return async () => fetch(url, { headers: Object.fromEntries(headers) as Record<string, string> });
  });
  const [asMona, asYou] = curls;
  assert.ok(asMona !== undefined && asYou !== undefined, said);
  assert.equal(((await (await asMona()).json()) as { login: string }).login, "mona");
  assert.notEqual((await asYou()).status, 200);

  const browser = new Browser();
  const fresh = async () => redirected(await browser.open(/\S+\/connect(?= )/.exec(said)?.[0] ?? ""));
  const link = await fresh();
  assert.notEqual(link, await fresh());
  const authorize = redirected(await browser.open(link));
  const { action, fields } = formOf((await browser.open(authorize)).text, "hubot");
  const callback = redirected(await browser.open(new URL(action, authorize).href, fields));
  assert.match((await browser.open(callback)).text, /GitHub connected/);
  assert.equal(((await (await asYou()).json()) as { login: string }).login, "hubot");

  child.kill("SIGINT");
  child.kill("SIGINT");
  const [code] = (await once(child, "exit")) as [number | null];
  assert.equal(code, 0);
  assert.ok(!existsSync(join(folder, ".demo", String(child.pid))));
});

test("the search finds a token that is there, plain or in Base64", () => {
  const token = "gho_0123456789abcdefghij0123456";
  assert.equal(hitsIn(["nothing", `a ${token} b ${token}`], [token]), 2);
  assert.equal(hitsIn([`{"content":"${Buffer.from(token).toString("base64")}"}`], [token]), 1);
});

test("a failed step is printed with its mark and ends the play", async () => {
  let out = "";
  const screen = makeScreen({ write: (text) => void (out += text), colour: false, width: 80, now: () => 0 });
  await assert.rejects(
    screen.step("tries", async () => Promise.reject(new Error("no"))),
    /no/,
  );
  assert.match(out, /✗ tries/);
});

test("in a narrow terminal the two columns stand one below the other", () => {
  let out = "";
  const screen = makeScreen({ write: (text) => void (out += text), colour: true, width: 20, now: () => 0 });
  screen.columns({ title: "left", lines: ["a".repeat(12)] }, { title: "right", lines: ["b".repeat(12)] });
  assert.ok(out.indexOf("a".repeat(12)) < out.indexOf("right"));
  assert.ok(out.includes("\u001b[1mleft"));
});
