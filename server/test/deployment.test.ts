// What is shipped starts: the Dockerfile's steps are played without Docker, and what they leave serves, is healthy and drains.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { settingsTable } from "../src/config.ts";
import { openApi } from "../src/http/api/openapi.ts";
import { environmentOf, lastOf, type Played, play, readDockerfile } from "./support/dockerfile.ts";
import { call, freePort } from "./support/house.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const read = (path: string): string => readFileSync(join(root, path), "utf8");
const stages = readDockerfile(join(root, "Dockerfile"));
const image = stages.at(-1) ?? { base: "", name: "", steps: [] };
const command = [...JSON.parse(lastOf(image, "ENTRYPOINT")), ...JSON.parse(lastOf(image, "CMD"))] as string[];
const healthcheck = JSON.parse(/ CMD (\[.*\])$/.exec(lastOf(image, "HEALTHCHECK"))?.[1] ?? "[]") as string[];
const lock = JSON.parse(read("package-lock.json")) as {
  packages: Record<
    string,
    { dev?: boolean; devOptional?: boolean; link?: boolean; resolved?: string; optional?: boolean }
  >;
};

/** What `npm ci` would leave, without asking a registry: the packages of the lock file, linked from the checkout. */
function install(cwd: string, onlyRuntime: boolean): void {
  for (const [path, { dev, devOptional, link, optional }] of Object.entries(lock.packages)) {
    const isOwn = !path.startsWith("node_modules/") || path.includes("/node_modules/") || link === true;
    const isWanted = !onlyRuntime || (dev !== true && devOptional !== true);
    if (isOwn || !isWanted || (optional === true && !existsSync(join(root, path)))) continue;
    mkdirSync(dirname(join(cwd, path)), { recursive: true });
    symlinkSync(join(root, path), join(cwd, path));
  }
  if (onlyRuntime) return;
  mkdirSync(join(cwd, "node_modules/@behalf"), { recursive: true });
  symlinkSync(join(cwd, "sdk"), join(cwd, "node_modules/@behalf/sdk"));
}

function run(text: string, cwd: string): void {
  if (text.startsWith("npm ci")) return install(cwd, text.includes("--omit=dev"));
  // The owner of /data is what only a real build can show.
  if (text.startsWith("install -d")) return;
  assert.equal(text, "npm run build", `no step like this is known here: ${text}`);
  for (const project of ["sdk", "server"]) {
    const tsc = join(root, "node_modules/.bin/tsc");
    const built = spawnSync(tsc, ["-p", `${project}/tsconfig.build.json`], { cwd, encoding: "utf8" });
    assert.equal(built.status, 0, built.stdout + built.stderr);
  }
}

/** As the process would meet it: nothing of ours in the environment but what the image and the caller set. */
function bare(more: Record<string, string>): Record<string, string | undefined> {
  const own = Object.entries(process.env).filter(([name]) => !/^(BEHALF_|NODE_|npm_)/.test(name));
  return { ...Object.fromEntries(own), ...environmentOf(image), ...more };
}

describe("the image", () => {
  let folder: string;
  let played: Played;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "behalf-image-"));
    played = play(stages, { context: root, folder, run });
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  test("serves with runtime dependencies only, is healthy while it runs, drains at SIGTERM and is unhealthy then", async () => {
    const inside = played.rootOf(image.name);
    const port = String(await freePort());
    const env = bare({ BEHALF_PORT: port, BEHALF_LOG_LEVEL: "info" });
    const args = command.slice(1).map((word) => (word.startsWith("/") ? join(inside, word) : word));
    const child = spawn(process.execPath, args, { cwd: inside, env, stdio: ["ignore", "pipe", "pipe"] });
    let said = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (said += chunk.toString()));
    const ended = once(child, "exit");
    try {
      const isHealthy = (): boolean => spawnSync(process.execPath, healthcheck.slice(1), { env }).status === 0;
      for (let tries = 0; !/listens on/.test(said) && child.exitCode === null && tries < 300; tries += 1)
        await new Promise((resolve) => setTimeout(resolve, 50));
      assert.match(said, /listens on/);
      assert.equal(isHealthy(), true);
      // The live log is read by a worker: a file that is only loaded now.
      const origin = `http://127.0.0.1:${port}`;
      const admin = /bh_live_\w+/.exec(said)?.[0] ?? "";
      const { token } = (await call(origin, "POST", "/v1/projects", { token: admin, body: { name: "A" } })).json;
      const logged = await call(origin, "GET", "/v1/requests", { token });
      assert.deepEqual([logged.status, logged.json], [200, { items: [], next_cursor: null }]);
      child.kill("SIGTERM");
      assert.deepEqual(await ended, [0, null], said);
      assert.equal(isHealthy(), false);
    } finally {
      child.kill("SIGKILL");
      await ended;
    }
    // Everything that has to last is in the one volume, for its owner only.
    assert.equal(lastOf(image, "VOLUME"), "/data");
    assert.equal(statSync(join(inside, "data/behalf.db")).mode & 0o777, 0o600);
    assert.deepEqual(readdirSync(inside).toSorted(), ["app", "data"]);
  });

  test("holds no source, no test and no tool that only building needs", () => {
    const app = join(played.rootOf(image.name), "app");
    assert.deepEqual(readdirSync(app).toSorted(), ["LICENSE", "node_modules", "server"]);
    assert.deepEqual(readdirSync(join(app, "server")).toSorted(), ["dist", "package.json"]);
    const there = readdirSync(join(app, "node_modules"));
    assert.deepEqual(
      ["typescript", "oxlint", "emulate", "fast-check", "oidc-provider"].filter((name) => there.includes(name)),
      [],
    );
    const { dependencies } = JSON.parse(read("server/package.json")) as { dependencies: Record<string, string> };
    for (const name of Object.keys(dependencies)) assert.equal(existsSync(join(app, "node_modules", name)), true, name);
  });

  test("runs as a user who is not root, and no shell stands between it and a signal", () => {
    assert.equal(lastOf(image, "USER"), "node");
    const owned = image.steps.some(
      ({ word, text }) => word === "RUN" && /install -d -o node -g node -m 0700 \/data/.test(text),
    );
    assert.equal(owned, true);
    assert.deepEqual(command, ["node", "/app/server/dist/cli.js", "serve"]);
    assert.equal(healthcheck[0], "node");
    assert.equal(lastOf(image, "STOPSIGNAL"), "SIGTERM");
  });

  test("no secret can get into a layer: the context is a list of what is wanted, and no build argument carries one", () => {
    const [first, ...wanted] = read(".dockerignore")
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("#"));
    assert.equal(first, "*");
    assert.deepEqual(
      wanted.filter((line) => !line.startsWith("!")),
      [],
    );
    const copied = stages
      .flatMap(({ steps }) => steps)
      .filter(({ word, text }) => word === "COPY" && !text.startsWith("--from"))
      .flatMap(({ text }) => text.split(/\s+/).slice(0, -1));
    assert.deepEqual([...new Set(copied)].toSorted(), wanted.map((line) => line.slice(1)).toSorted());
    assert.doesNotMatch(read("Dockerfile"), /BEHALF_(KEYS|ADMIN_TOKEN|METRICS_TOKEN|DATABASE_URL)=/);
    assert.deepEqual(
      stages.flatMap(({ steps }) => steps).filter(({ word }) => word === "ARG" || word === "ADD"),
      [],
    );
  });
});

describe("the samples", () => {
  const names = new Set(Object.values(settingsTable).flatMap(({ name }) => [name, `${name}_FILE`]));
  // What the person who starts it fills in: Compose's own variables.
  const ofCompose = ["BEHALF_SECRETS", "BEHALF_PUBLISH"];

  for (const file of ["Dockerfile", "compose.yaml", "render.yaml", "docs/operating.md"]) {
    test(`${file} names no setting that does not exist`, () => {
      const named = [...read(file).matchAll(/\bBEHALF_[A-Z_]*[A-Z]\b/g)].map(([name]) => name);
      assert.deepEqual(
        named.filter((name) => !names.has(name) && !ofCompose.includes(name)),
        [],
      );
    });
  }

  test("the failure table of docs/operating.md has every refusal under the status that endpoints answer with", () => {
    const { paths } = openApi([], { origin: "https://behalf.example", version: "0" });
    const responses = paths["/api/{project}/proxy/{slug}/{path}"]?.["get"]?.responses ?? {};
    const rows = [...read("docs/operating.md").matchAll(/^\| (\d{3}) \| (`[a-z_`, ]+`) \|/gm)];
    assert.equal(rows.length > 12, true);
    for (const [, status = "", words = ""] of rows) {
      // At creation, not of a call.
      if (status === "422") continue;
      const told = responses[status]?.description.split(", ") ?? [];
      for (const code of words.replaceAll("`", "").split(", "))
        assert.equal(told.includes(code), true, `${status} ${code}`);
    }
    for (const status of ["401", "403", "404", "405", "429", "502", "504"])
      assert.equal(
        rows.some((row) => row[1] === status),
        true,
        status,
      );
  });

  test("metrics that are named to be watched exist, and links lead somewhere", () => {
    const known = read("server/src/metrics.ts");
    const text = read("docs/operating.md");
    for (const [name] of (text + read("docs/samples/alerts.yml")).matchAll(/\bbehalf_[a-z_]*[a-z](?=[^a-z_]|$)/g))
      assert.equal(known.includes(`"${name.replace(/_count$/, "")}"`), true, name);
    for (const [, path = ""] of text.matchAll(/\]\(([^)#]+)\)/g)) {
      if (!path.startsWith("http")) assert.equal(existsSync(join(root, "docs", path)), true, path);
    }
  });

  test("compose.yaml has no password, and says which secret is missing", () => {
    const text = read("compose.yaml");
    for (const secret of ["DATABASE_URL", "KEYS", "ADMIN_TOKEN"])
      assert.match(text, new RegExp(`BEHALF_${secret}_FILE: /run/secrets/`));
    assert.match(text, /POSTGRES_PASSWORD_FILE: \/run\/secrets\//);
    assert.doesNotMatch(text, /POSTGRES_HOST_AUTH_METHOD|POSTGRES_PASSWORD:|:\/\/[^\s/]*:[^\s/]*@/);
    for (const name of ["BEHALF_URL", "BEHALF_SECRETS"]) assert.match(text, new RegExp(`\\$\\{${name}:\\?Set `));
    // Nothing but the loopback interface of the host is published.
    assert.deepEqual(
      [...text.matchAll(/- "(.*):4180"/g)].map(([, where]) => where),
      ["127.0.0.1:${BEHALF_PUBLISH:-4180}"],
    );
  });

  test("compose.yaml names the image by the version that it builds", () => {
    const { version } = JSON.parse(read("server/package.json")) as { version: string };
    assert.match(read("compose.yaml"), new RegExp(`image: behalf:${version.replaceAll(".", "[.]")}$`, "m"));
  });

  test("both give a stop more time than the drain and the longest refresh take", () => {
    const refreshSeconds = 20;
    const compose = read("compose.yaml");
    const drain = Number(/BEHALF_DRAIN_SECONDS: "(\d+)"/.exec(compose)?.[1]);
    const [grace] = [...compose.matchAll(/stop_grace_period: (\d+)s/g)].map(([, seconds]) => Number(seconds));
    assert.equal((grace ?? 0) > drain + refreshSeconds, true);
    const render = read("render.yaml");
    const most = Number(/maxShutdownDelaySeconds: (\d+)/.exec(render)?.[1]);
    assert.equal(most > Number(/BEHALF_DRAIN_SECONDS\s+value: (\d+)/.exec(render)?.[1]) + refreshSeconds, true);
    assert.match(render, /healthCheckPath: \/readyz/);
  });
});
