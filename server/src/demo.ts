// `behalf demo`: plays the main job against an emulated GitHub, shows what each side saw, and leaves both running.
import { mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { readConfig } from "./config.ts";
import { hitsIn, masked } from "./demo-agent.ts";
import { closed, type DemoGitHub, listenNear, openGitHub, person, portNear } from "./demo-github.ts";
import { linkFor, type Played, play, repository } from "./demo-play.ts";
import { makeScreen, type Screen } from "./demo-screen.ts";
import { type Running, start, systemWorld } from "./start.ts";

const ports = { behalf: 4180, github: 4181, application: 4182 } as const;
const folder = ".demo";

export interface DemoTerminal {
  write(text: string): void;
  readonly colour: boolean;
  readonly width: number;
}

export async function demo(args: readonly string[], terminal: DemoTerminal): Promise<number> {
  const { values } = parseArgs({ args: [...args], options: { once: { type: "boolean", default: false } } });
  const screen = makeScreen({ ...terminal, now: () => performance.now() });
  const closers: (() => Promise<unknown>)[] = [];
  const began = performance.now();
  screen.line();
  screen.line("Behalf: a person connects GitHub once, an agent acts as that person, nobody sees the key.");
  try {
    const { github, running } = await raise(screen, closers);
    const played = await play({ screen, github, origin: running.origin, adminToken: running.firstToken ?? "" });
    await compare(screen, { github, played });
    screen.line();
    screen.line(`All of it took ${((performance.now() - began) / 1000).toFixed(1)} s.`);
    if (!values.once) await stay(screen, { github, running, played, closers });
    return 0;
  } catch (error) {
    screen.line();
    screen.line(`The demo failed: ${error instanceof Error ? error.message : "for an unknown reason"}`);
    return 1;
  } finally {
    for (const close of closers.toReversed()) await close();
  }
}

async function raise(screen: Screen, closers: (() => Promise<unknown>)[]) {
  screen.heading("Two servers on this machine");
  const data = newFolder();
  closers.push(async () => Promise.resolve(rmSync(data, { recursive: true, force: true })));
  const github = await openGitHub(ports.github);
  closers.push(github.close);
  const running = await screen.step("Behalf, on SQLite", async () => {
    const config = readConfig(
      {
        BEHALF_PORT: String(await portNear(ports.behalf)),
        BEHALF_DATABASE_URL: `file:${join(data, "behalf.db")}`,
        BEHALF_ALLOW_UPSTREAM: new URL(github.origin).host,
        BEHALF_DRAIN_SECONDS: "1",
        BEHALF_LOG_LEVEL: "error",
      },
      { read: (path) => readFileSync(path, "utf8") },
    );
    const value = await start(config, systemWorld(config));
    closers.push(value.stop);
    return { value, shows: value.origin };
  });
  await screen.step("GitHub, emulated", async () => {
    await github.emulate(`${running.origin}/oauth/callback`);
    return { value: undefined, shows: `${github.origin}, users hubot and ${person.login}` };
  });
  return { github, running };
}

/** A folder for this run alone; what ended runs left behind goes. */
function newFolder(): string {
  mkdirSync(folder, { recursive: true });
  for (const name of readdirSync(folder)) {
    if (!isAlive(Number(name))) rmSync(join(folder, name), { recursive: true, force: true });
  }
  const mine = join(folder, String(process.pid));
  rmSync(mine, { recursive: true, force: true });
  return mine;
}

function isAlive(pid: number): boolean {
  try {
    return pid > 0 && process.kill(pid, 0);
  } catch {
    return false;
  }
}

interface Ended {
  readonly github: DemoGitHub;
  readonly played: Played;
}

/** What the agent saw beside what GitHub saw; throws where the promise is broken. */
async function compare(screen: Screen, { github, played }: Ended): Promise<void> {
  const { agent, asked, from, issue } = played;
  const tokens = [...new Set(github.calls.flatMap(({ token }) => token ?? []))];
  const [token = ""] = tokens;
  const hits = hitsIn(agent.received, tokens);
  const kept = hitsIn(filesBelow(join(folder, String(process.pid))), tokens);
  const [its, all] = [github.calls.slice(from), github.calls.length];
  const author = await authorOf(github, issue);
  const bytes = agent.received.reduce((sum, text) => sum + text.length, 0);
  screen.columns(
    {
      title: "What the agent saw",
      lines: [
        ...asked,
        `credential    ${masked(agent.token)} its gateway token, nothing else`,
        `received      ${agent.received.length - 1} answers, ${bytes} bytes`,
        `GitHub token  ${hits} hits in all of it`,
        `              ${kept} hits in Behalf's files, where it lies sealed`,
      ],
    },
    {
      title: "What GitHub saw",
      lines: [
        ...its.map(({ method, path, status }) => `${method} ${path} ${status}`),
        `credential    ${masked(token)} ${person.login}'s own token`,
        `calls         ${its.length} for the agent, ${all} in all`,
        `who acted     ${author}, says the issue's author`,
      ],
    },
  );
  if (token === "") throw new Error("GitHub saw no token, so there was nothing to search for.");
  if (hits + kept > 0) throw new Error("GitHub's token was found where it must not be.");
  if (author !== person.login) throw new Error(`${person.login} should have acted, and ${author} did.`);
}

function filesBelow(path: string): readonly string[] {
  return readdirSync(path).map((name) => readFileSync(join(path, name), "latin1"));
}

/** Asked of GitHub itself, without any token. */
async function authorOf({ origin }: DemoGitHub, issue: number): Promise<string> {
  const response = await fetch(`${origin}/repos/${repository}/issues/${issue}`);
  const found = (await response.json()) as { readonly user?: { readonly login?: string } };
  return found.user?.login ?? "nobody";
}

interface Standing extends Ended {
  readonly running: Running;
  readonly closers: (() => Promise<unknown>)[];
}

async function stay(screen: Screen, { github, running, played, closers }: Standing): Promise<void> {
  const application = makeApplication(played);
  const port = await listenNear(application, ports.application);
  closers.push(async () => closed(application));
  const user = `${running.origin}/proxy/user`;
  const bearer = (token: string): string => `-H 'Authorization: Bearer ${token}'`;
  const naming = "-H 'Behalf-Connection: github' -H 'Behalf-Identifier: you'";
  screen.heading("Both keep running. Now you:");
  screen.pair("Behalf", `${running.origin}/`);
  screen.pair("See it at GitHub", `${github.origin}/repos/${repository}/issues`);
  screen.pair(`Act as ${person.login}`, `curl ${bearer(played.agent.token)} ${user}`);
  screen.pair("Connect yourself", `http://127.0.0.1:${port}/connect   every visit makes a fresh link`);
  screen.pair("Then act as you", `curl ${naming} ${bearer(played.application.token)} ${user}`);
  screen.pair("End", "Ctrl-C");
  screen.line();
  await new Promise<void>((resolve) => {
    process.on("SIGINT", resolve);
    process.on("SIGTERM", resolve);
  });
}

/** What an application does when a person clicks "Connect GitHub". A link lives ten minutes; this address lives on. */
function makeApplication({ application }: Played): Server {
  return createServer((request, response) => {
    if (request.url !== "/connect") return void response.writeHead(404).end();
    linkFor(application, "you").then(
      (link) => response.writeHead(302, { location: link, "cache-control": "no-store" }).end(),
      () => response.writeHead(502).end("Behalf did not answer.\n"),
    );
  });
}
