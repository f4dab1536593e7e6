// Processes under measurement: started, asked for their memory and CPU time by /proc, ended.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { cpus } from "node:os";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

export const mib = 1024 * 1024;
const ticksPerSecond = 100;
export const adminToken = "bench-admin-token-of-more-than-32-characters";

export interface Measured {
  readonly origin: string;
  rssBytes(): number;
  cpuSeconds(): number;
  end(): Promise<void>;
}

function measure(child: ChildProcess, origin: string): Measured {
  const proc = (name: string): string => readFileSync(`/proc/${child.pid}/${name}`, "utf8");
  return {
    origin,
    rssBytes: () => Number(/^VmRSS:\s+(\d+) kB/m.exec(proc("status"))?.[1]) * 1024,
    cpuSeconds() {
      const stat = proc("stat");
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
    },
    async end() {
      const gone = once(child, "exit");
      child.kill("SIGTERM");
      await gone;
    },
  };
}

export async function startUpstream(): Promise<Measured> {
  const child = spawn(process.execPath, [fileURLToPath(new URL("upstream.ts", import.meta.url))], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [origin] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
  return measure(child, origin);
}

export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, "close");
  return port;
}

/** The server as `npm start` runs it, on a SQLite file; ready when `/readyz` says so. */
export async function startServer(file: string, port: number): Promise<Measured & { readonly readyMs: number }> {
  const origin = `http://127.0.0.1:${port}`;
  const started = performance.now();
  const child = spawn(process.execPath, [fileURLToPath(new URL("../server/behalf.js", import.meta.url)), "serve"], {
    env: {
      PATH: process.env["PATH"],
      BEHALF_PORT: String(port),
      BEHALF_DATABASE_URL: `file:${file}`,
      BEHALF_ADMIN_TOKEN: adminToken,
      BEHALF_ALLOW_UPSTREAM: "127.0.0.0/8",
      BEHALF_LOG_LEVEL: "warn",
    },
    stdio: ["ignore", "ignore", "inherit"],
  });
  while (!(await isReady(origin))) {
    if (child.exitCode !== null) throw new Error("The server did not start");
    await sleep(2);
  }
  return { ...measure(child, origin), readyMs: performance.now() - started };
}

async function isReady(origin: string): Promise<boolean> {
  try {
    const response = await fetch(`${origin}/readyz`);
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false;
  }
}

/** What the figures were measured on, in one line. */
export function machine(): string {
  const all = cpus();
  return `${new Date().toISOString().slice(0, 10)}, ${all.length} cores (${all[0]?.model ?? "unknown"}), Node ${process.versions.node}`;
}
