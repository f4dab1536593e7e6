// The GitHub of the demo: the emulator in this process, behind a front that writes down who called with what.
import { once } from "node:events";
import { request as ask, createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type * as Emulate from "emulate";

/** One call as GitHub saw it. */
export interface SeenCall {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  /** The bearer that came with it; undefined for browsers and for the exchange of the code. */
  readonly token: string | undefined;
}

export interface DemoGitHub {
  readonly origin: string;
  readonly calls: readonly SeenCall[];
  /** Starts what is behind the front. It needs the redirect URI, and so Behalf's port, before it knows the client. */
  emulate(redirectUri: string): Promise<void>;
  close(): Promise<void>;
}

export const client = { id: "demo-client", secret: "demo-client-secret-0123456789" } as const;
export const person = { login: "mona", repository: "garden" } as const;
const host = "127.0.0.1";

/** Listens on this port, or on a free one where it is taken. */
export async function listenNear(server: Server, preferred: number): Promise<number> {
  const listening = async (port: number): Promise<number> => {
    server.listen(port, host);
    await once(server, "listening");
    return (server.address() as AddressInfo).port;
  };
  try {
    return await listening(preferred);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
    return listening(0);
  }
}

/** This port, or a free one where it is taken, for somebody else to listen on. */
export async function portNear(preferred: number): Promise<number> {
  const probe = createServer();
  const port = await listenNear(probe, preferred);
  await closed(probe);
  return port;
}

export async function closed(server: Server): Promise<void> {
  const end = once(server, "close");
  server.close();
  server.closeAllConnections();
  await end;
}

export async function openGitHub(preferred: number): Promise<DemoGitHub> {
  const calls: SeenCall[] = [];
  let behind: { readonly origin: string; close(): Promise<void> } | undefined;
  const front = createServer((request, response) => {
    if (behind === undefined) return void response.writeHead(503).end();
    pass(behind.origin, { request, response }, (call) => calls.push(call));
  });
  const origin = `http://${host}:${await listenNear(front, preferred)}`;
  return {
    origin,
    calls,
    async emulate(redirectUri) {
      behind = await startEmulator(origin, redirectUri);
    },
    async close() {
      await closed(front);
      await behind?.close();
    },
  };
}

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

function pass(target: string, { request, response }: Exchange, note: (call: SeenCall) => void): void {
  const { method = "GET", url = "/", headers } = request;
  const [, token] = /^(?:bearer|token) (.+)$/i.exec(headers.authorization ?? "") ?? [];
  const [path = ""] = url.split("?");
  const onward = ask(target + url, { method, headers }, (answer) => {
    note({ method, path, status: answer.statusCode ?? 0, token });
    response.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
    answer.pipe(response);
  });
  onward.on("error", () => {
    if (!response.headersSent) response.writeHead(502);
    response.end();
  });
  request.pipe(onward);
}

async function startEmulator(origin: string, redirectUri: string) {
  const { createEmulator } = await emulator();
  const port = await portNear(0);
  const { login } = person;
  const emulated = await createEmulator({
    service: "github",
    port,
    hostname: host,
    // It would announce http://localhost, where nobody asked for it.
    baseUrl: origin,
    seed: {
      tokens: {},
      github: {
        // The emulator takes an unknown token for the first user's: mona is not first, so nobody is her by accident.
        users: [
          { login: "hubot", name: "Hubot" },
          { login, name: "Mona Lisa" },
        ],
        repos: [
          { owner: login, name: person.repository, description: "What grows where" },
          { owner: login, name: "diary", description: "Nobody else's business", private: true },
        ],
        oauth_apps: [
          { client_id: client.id, client_secret: client.secret, name: "Behalf demo", redirect_uris: [redirectUri] },
        ],
      },
    },
  });
  return { origin: `http://${host}:${port}`, close: async () => emulated.close() };
}

async function emulator(): Promise<typeof Emulate> {
  try {
    return await import("emulate");
  } catch (cause) {
    throw new Error("The GitHub emulator is not installed. In a checkout of Behalf, run: npm install", { cause });
  }
}
