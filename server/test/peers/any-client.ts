// A caller that is no code of ours and a process of its own: curl, Node's fetch, Python's urllib and requests.
import { type ChildProcess, execFile, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

export interface ClientAsk {
  readonly token?: string | undefined;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface ClientAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // Tests read many shapes: what an answer holds is asserted, not typed.
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly json: any;
}

export interface AnyClient {
  send(method: string, url: string, ask?: ClientAsk): Promise<ClientAnswer>;
  close(): Promise<void>;
}

export const clientNames = ["curl", "fetch", "urllib", "requests"] as const;
export type ClientName = (typeof clientNames)[number];

interface Ask {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
}

interface Told {
  readonly status: number;
  readonly headers: [string, string][];
  readonly text: string;
}

const script = fileURLToPath(new URL("any-client.py", import.meta.url));

/** Undefined when it is here; else what is missing. */
export function missingFor(name: ClientName): string | undefined {
  const probe = {
    curl: ["curl", "--version"],
    urllib: ["python3", "--version"],
    requests: ["python3", "-c", "import requests"],
  };
  if (name === "fetch") return undefined;
  const [command = "", ...args] = probe[name];
  return spawnSync(command, args).status === 0 ? undefined : `${[command, ...args].join(" ")} does not work here`;
}

export function openClient(name: ClientName): AnyClient {
  const { tell, close } = name === "curl" ? { tell: byCurl, close: async () => Promise.resolve() } : lineClient(name);
  return {
    close,
    async send(method, url, { token, body, headers = {} } = {}) {
      const {
        status,
        headers: raw,
        text,
      } = await tell({
        method,
        url,
        headers: {
          ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
          ...(body === undefined ? {} : { "Content-Type": "application/json" }),
          ...headers,
        },
        body: body === undefined ? null : JSON.stringify(body),
      });
      return { status, headers: new Headers(raw), text, json: parsed(text) };
    },
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** `curl -i`, as the recipe has it. */
async function byCurl({ method, url, headers, body }: Ask): Promise<Told> {
  const lines = Object.entries(headers).flatMap(([name, value]) => ["-H", `${name}: ${value}`]);
  const data = body === null ? [] : ["--data-binary", body];
  const how = method === "HEAD" ? ["-I"] : ["-X", method];
  const args = ["-sS", "-i", "--noproxy", "*", "--max-time", "20", ...how, ...lines, ...data, url];
  const { stdout } = await promisify(execFile)("curl", args, { maxBuffer: 2 ** 24 });
  const end = stdout.indexOf("\r\n\r\n");
  const [first = "", ...rest] = stdout.slice(0, end).split("\r\n");
  const pairs = rest.map((line): [string, string] => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon), line.slice(colon + 1).trim()];
  });
  return { status: Number(first.split(" ")[1]), headers: pairs, text: stdout.slice(end + 4) };
}

/** What the child runs: `fetch` as it is, one request and one answer a line. */
const fetchLoop = `
import { createInterface } from "node:readline";
for await (const line of createInterface({ input: process.stdin })) {
  const { method, url, headers, body } = JSON.parse(line);
  const answer = await fetch(url, { method, headers, body });
  const told = { status: answer.status, headers: [...answer.headers], text: await answer.text() };
  console.log(JSON.stringify(told));
}`;

function lineClient(name: Exclude<ClientName, "curl">): { tell(ask: Ask): Promise<Told>; close(): Promise<void> } {
  const [command, args] =
    name === "fetch" ? [process.execPath, ["--input-type=module", "--eval", fetchLoop]] : ["python3", [script, name]];
  const child = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"], env: { ...process.env, NO_PROXY: "*" } });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async tell(ask) {
      child.stdin.write(`${JSON.stringify(ask)}\n`);
      const { value, done } = await lines.next();
      if (done === true) throw new Error(`${name} ended in the middle`);
      return JSON.parse(value) as Told;
    },
    async close() {
      if (child.exitCode !== null) return;
      const gone = once(child as ChildProcess, "exit");
      child.stdin.end();
      await gone;
    },
  };
}
