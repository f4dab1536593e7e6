// What machines ask: is it alive, is it ready, what are its figures. Nothing here tells of any project.
import type { HttpBindings } from "@hono/node-server";
import { Hono } from "hono";

/** One thing that the server stands on. `needed`: without it no request can be answered. */
export interface Check {
  readonly name: string;
  readonly ok: boolean;
  readonly needed: boolean;
  /** What is so, in one sentence. */
  readonly detail: string;
}

export interface Operations {
  /** Looks at everything the server stands on, now. */
  readonly checks: () => Promise<readonly Check[]>;
  readonly metrics: () => Promise<string>;
  /** Whether this is the token that `/metrics` demands; null where none is set. */
  readonly isMetricsToken: ((presented: string) => boolean) | null;
}

const plain = { "cache-control": "no-store", "content-type": "text/plain; charset=utf-8" } as const;

export function mountOperations({ checks, metrics, isMetricsToken }: Operations): Hono {
  const app = new Hono({ strict: true });
  app.get("/healthz", () => new Response("ok\n", { status: 200, headers: plain }));
  app.get("/readyz", async () => {
    const found = await checks();
    const ready = found.every(({ ok, needed }) => ok || !needed);
    const lines = found.map(({ name, ok, detail }) => `${name}: ${ok ? "ok" : "NOT OK"}, ${detail}`);
    return new Response(`${[ready ? "ready" : "not ready", ...lines].join("\n")}\n`, {
      status: ready ? 200 : 503,
      headers: plain,
    });
  });
  app.get("/metrics", async ({ req, env }) => {
    const bearer = /^Bearer +([\x21-\x7e]{1,512})$/i.exec(req.header("authorization") ?? "")?.[1] ?? "";
    const mayRead = isMetricsToken === null ? isOwnMachine(env as Partial<HttpBindings>) : isMetricsToken(bearer);
    if (mayRead) return new Response(await metrics(), { status: 200, headers: plain });
    const words =
      isMetricsToken === null
        ? "Only callers on this machine may read /metrics; set BEHALF_METRICS_TOKEN for others.\n"
        : "Send BEHALF_METRICS_TOKEN as a bearer token.\n";
    return new Response(words, { status: isMetricsToken === null ? 403 : 401, headers: plain });
  });
  return app;
}

/** A reverse proxy on this machine speaks for the world outside: whoever comes through one is not local. */
function isOwnMachine({ incoming }: Partial<HttpBindings>): boolean {
  const remote = incoming?.socket.remoteAddress ?? "";
  const isForwarded = ["x-forwarded-for", "forwarded", "x-real-ip", "via"].some(
    (name) => incoming?.headers[name] !== undefined,
  );
  return !isForwarded && /^(?:127\.|::1$|::ffff:127\.)/.test(remote);
}
