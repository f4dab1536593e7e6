// 1 GiB down and up through /proxy beside the same without us: throughput, extra memory, CPU time. `node bench/streams.ts [MiB]`
import { mkdtempSync, rmSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { adminToken, freePort, type Measured, machine, mib, startServer, startUpstream } from "./measured.ts";

const bytes = Number(process.argv[2] ?? "1024") * mib;
const sampleEveryMs = 20;
const memoryGoal = 64 * mib;

interface Target {
  readonly origin: string;
  readonly prefix: string;
  readonly headers: Record<string, string>;
}

async function api(origin: string, token: string, call: readonly [method: string, path: string, body?: unknown]) {
  const [method, path, body] = call;
  const response = await fetch(origin + path, {
    method,
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
  return (await response.json()) as Record<string, string>;
}

/** A project with one connected account; answers where its calls go. */
async function connected({ origin }: Measured, upstream: Measured): Promise<Target> {
  const { token = "" } = await api(origin, adminToken, ["POST", "/v1/projects", { name: "Bench" }]);
  const hosts = { web: upstream.origin, api: upstream.origin };
  const client = { client_id: "bench", client_secret: "bench-secret" };
  const connection = { name: "github", preset: "github", verification: "none", ...client, hosts };
  await api(origin, token, ["POST", "/v1/connections", connection]);
  const path = "/v1/connections/github/accounts/bench";
  await api(origin, token, ["PUT", path]);
  const { link = "" } = await api(origin, token, ["POST", `${path}/link`, {}]);
  const opened = await fetch(link, { redirect: "manual" });
  const state = new URL(opened.headers.get("location") ?? "").searchParams.get("state") ?? "";
  const cookie = opened.headers.getSetCookie().map((line) => line.split(";")[0]);
  const callback = `${origin}/oauth/callback?code=any&state=${encodeURIComponent(state)}`;
  const landed = await fetch(callback, { headers: { cookie: cookie.join("; ") } });
  if (!landed.ok) throw new Error(`connect: ${landed.status} ${await landed.text()}`);
  const headers = { authorization: `Bearer ${token}`, connection_name: "github", identifier: "bench" };
  return { origin, prefix: "/proxy", headers };
}

/** One transfer; answers its seconds. */
async function transfer({ origin, prefix, headers }: Target, method: "GET" | "PUT", size: number): Promise<number> {
  const started = performance.now();
  await new Promise<void>((resolve, reject) => {
    const request = httpRequest(`${origin}${prefix}/bytes/${size}`, {
      method,
      headers: { ...headers, ...(method === "PUT" ? { "content-length": size } : {}) },
      agent: false,
    });
    request.on("error", reject);
    request.on("response", (response) => {
      let received = 0;
      let text = "";
      response.on("data", (part: Buffer) => {
        received += part.length;
        if (method === "PUT") text += part.toString();
      });
      response.on("error", reject);
      response.on("end", () => {
        const arrived = method === "GET" ? received : (JSON.parse(text) as { bytes: number }).bytes;
        if (response.statusCode === 200 && arrived === size) resolve();
        else reject(new Error(`${method}: ${response.statusCode}, ${arrived} of ${size} bytes`));
      });
    });
    if (method === "GET") request.end();
    else send(request, size);
  });
  return (performance.now() - started) / 1000;
}

function send(request: ReturnType<typeof httpRequest>, size: number): void {
  const chunk = Buffer.alloc(64 * 1024, "x");
  let left = size;
  const more = (): void => {
    while (left > 0) {
      const part = left < chunk.length ? chunk.subarray(0, left) : chunk;
      left -= part.length;
      if (!request.write(part)) {
        request.once("drain", more);
        return;
      }
    }
    request.end();
  };
  more();
}

interface Passed {
  readonly seconds: number;
  readonly extraBytes: number;
  readonly cpuSeconds: number;
}

async function watched(server: Measured, work: () => Promise<number>): Promise<Passed> {
  const [rss, cpu] = [server.rssBytes(), server.cpuSeconds()];
  let most = rss;
  const sampler = setInterval(() => (most = Math.max(most, server.rssBytes())), sampleEveryMs);
  const seconds = await work();
  clearInterval(sampler);
  most = Math.max(most, server.rssBytes());
  return { seconds, extraBytes: most - rss, cpuSeconds: server.cpuSeconds() - cpu };
}

const folder = mkdtempSync(join(tmpdir(), "behalf-bench-"));
const upstream = await startUpstream();
const server = await startServer(join(folder, "behalf.db"), await freePort());
try {
  const proxied = await connected(server, upstream);
  const direct: Target = { origin: upstream.origin, prefix: "", headers: {} };
  // Code and sockets warm; memory counts from here.
  for (const method of ["GET", "PUT"] as const) {
    await transfer(direct, method, 16 * mib);
    await transfer(proxied, method, mib);
  }
  const rate = (seconds: number): string => `${Math.round(bytes / mib / seconds)} MiB/s`;
  console.log(`${bytes / mib} MiB each way; ${machine()}\n`);
  console.log("| Body | Direct | Through /proxy | Ratio | Extra memory | Goal | CPU time of the server |");
  console.log("| --- | --- | --- | --- | --- | --- | --- |");
  for (const [name, method] of [
    ["down", "GET"],
    ["up", "PUT"],
  ] as const) {
    const alone = await transfer(direct, method, bytes);
    const passed = await watched(server, async () => transfer(proxied, method, bytes));
    const ratio = (alone / passed.seconds).toFixed(2);
    const goal = passed.extraBytes <= memoryGoal ? "≤ 64 MiB: met" : "≤ 64 MiB: MISSED";
    const extra = `${(passed.extraBytes / mib).toFixed(1)} MiB`;
    const row = [name, rate(alone), rate(passed.seconds), ratio, extra, goal, `${passed.cpuSeconds.toFixed(2)} s`];
    console.log(`| ${row.join(" | ")} |`);
    if (passed.extraBytes > memoryGoal) process.exitCode = 1;
  }
} finally {
  await server.end();
  await upstream.end();
  rmSync(folder, { recursive: true, force: true });
}
