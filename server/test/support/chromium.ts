// A real Chromium over its DevTools protocol, with nothing but Node's own WebSocket: clicks, keys, pictures, and what it asked for.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const program = "/usr/bin/chromium";

export function hasChromium(): boolean {
  return existsSync(program);
}

const flags = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--disable-dev-shm-usage",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--disable-extensions",
  "--hide-scrollbars",
  "--remote-debugging-port=0",
];

type Params = Readonly<Record<string, unknown>>;
// The protocol has thousands of shapes: what is read of an answer is asserted, not typed.
// oxlint-disable-next-line typescript/no-explicit-any
type Reply = any;
type Listener = (method: string, params: Reply) => void;

class Line {
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, { resolve: (reply: Reply) => void; reject: (error: Error) => void }>();
  readonly #listeners = new Map<string, Listener>();
  #last = 0;

  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.addEventListener("message", (event) => this.#hear(JSON.parse(String(event.data))));
  }

  #hear(message: Reply): void {
    const waiting = this.#waiting.get(message.id as number);
    this.#waiting.delete(message.id as number);
    if (waiting === undefined)
      return this.#listeners.get(message.sessionId as string)?.(message.method as string, message.params);
    if (message.error === undefined) waiting.resolve(message.result);
    else waiting.reject(new Error(`DevTools: ${message.error.message}`));
  }

  listen(session: string, listener: Listener): void {
    this.#listeners.set(session, listener);
  }

  async ask(method: string, params: Params = {}, sessionId?: string): Promise<Reply> {
    this.#last += 1;
    const id = this.#last;
    this.#socket.send(JSON.stringify({ id, method, params, ...(sessionId === undefined ? {} : { sessionId }) }));
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
  }

  close(): void {
    this.#socket.close();
  }
}

export interface PageOptions {
  readonly width?: number;
  readonly height?: number;
  readonly dark?: boolean;
  readonly script?: boolean;
}

export class Page {
  /** Every URL that was asked for, and everything the browser complained of. */
  readonly requested: string[] = [];
  readonly complaints: string[] = [];
  readonly #line: Line;
  readonly #session: string;
  #loads = 0;

  constructor(line: Line, session: string) {
    this.#line = line;
    this.#session = session;
    line.listen(session, (method, params) => this.#note(method, params));
  }

  #note(method: string, params: Reply): void {
    if (method === "Page.loadEventFired") this.#loads += 1;
    if (method === "Network.requestWillBeSent") this.requested.push(params.request.url as string);
    if (method === "Log.entryAdded")
      this.complaints.push(`${params.entry.source}: ${params.entry.text} (${params.entry.url})`);
    if (method === "Audits.issueAdded") this.complaints.push(`issue: ${JSON.stringify(params.issue)}`);
    if (method === "Runtime.exceptionThrown")
      this.complaints.push(`exception: ${JSON.stringify(params.exceptionDetails)}`);
  }

  async #ask(method: string, params: Params = {}): Promise<Reply> {
    return this.#line.ask(method, params, this.#session);
  }

  async begin(options: PageOptions): Promise<this> {
    for (const domain of ["Page", "Network", "Log", "Runtime", "Audits"]) await this.#ask(`${domain}.enable`);
    await this.resize(options.width ?? 1000, options.height ?? 800);
    await this.dark(options.dark ?? false);
    if (options.script === false) await this.#ask("Emulation.setScriptExecutionDisabled", { value: true });
    return this;
  }

  async resize(width: number, height: number): Promise<void> {
    await this.#ask("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: 1, mobile: width < 600 });
  }

  async dark(isDark: boolean): Promise<void> {
    const features = [{ name: "prefers-color-scheme", value: isDark ? "dark" : "light" }];
    await this.#ask("Emulation.setEmulatedMedia", { features });
  }

  /** Does something that leads to another page, and waits until that is there, redirects and all. */
  async leads(act: () => Promise<unknown>): Promise<void> {
    const before = this.#loads;
    await act();
    for (let tries = 0; this.#loads === before; tries += 1) {
      if (tries > 400) throw new Error(`No page came: still at ${await this.run<string>("location.href")}`);
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  }

  async open(url: string): Promise<void> {
    await this.leads(async () => {
      const { errorText } = await this.#ask("Page.navigate", { url });
      if (errorText !== undefined) throw new Error(`${url}: ${errorText}`);
    });
  }

  /** The value of an expression in the page; works where the page's own scripts are off. */
  async run<Value>(expression: string): Promise<Value> {
    const { result, exceptionDetails } = await this.#ask("Runtime.evaluate", { expression, returnByValue: true });
    if (exceptionDetails !== undefined) throw new Error(JSON.stringify(exceptionDetails));
    return result.value as Value;
  }

  async text(): Promise<string> {
    return this.run<string>("document.body.innerText");
  }

  /** A real click in the middle of the first element that fits. */
  async click(selector: string): Promise<void> {
    const middle = await this.run<{ x: number; y: number } | null>(
      `(() => { const found = document.querySelector(${JSON.stringify(selector)}); if (!found) return null; found.scrollIntoView({ block: "center" });
        const box = found.getBoundingClientRect(); return { x: box.x + box.width / 2, y: box.y + box.height / 2 }; })()`,
    );
    if (middle === null) throw new Error(`Nothing to click at ${selector}`);
    for (const type of ["mousePressed", "mouseReleased"])
      await this.#ask("Input.dispatchMouseEvent", { type, ...middle, button: "left", clickCount: 1 });
  }

  async press(key: "Tab" | "Enter"): Promise<void> {
    const code = key === "Tab" ? 9 : 13;
    const shared = { key, code: key, windowsVirtualKeyCode: code, ...(key === "Enter" ? { text: "\r" } : {}) };
    await this.#ask("Input.dispatchKeyEvent", { type: "keyDown", ...shared });
    await this.#ask("Input.dispatchKeyEvent", { type: "keyUp", ...shared });
  }

  async picture(file: string): Promise<void> {
    const { data } = await this.#ask("Page.captureScreenshot", { format: "png", captureBeyondViewport: true });
    writeFileSync(file, Buffer.from(data as string, "base64"));
  }
}

export interface Chromium {
  /** A page in a profile of its own: no cookie of another. */
  page(options?: PageOptions): Promise<Page>;
  close(): Promise<void>;
}

export async function startChromium(): Promise<Chromium> {
  const folder = mkdtempSync(join(tmpdir(), "behalf-chromium-"));
  const child = spawn(program, [...flags, `--user-data-dir=${folder}`, "about:blank"], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  const url = await debuggingUrl(child);
  const socket = new WebSocket(url);
  await once(socket, "open");
  const line = new Line(socket);
  return {
    async page(options = {}) {
      const { browserContextId } = await line.ask("Target.createBrowserContext");
      const { targetId } = await line.ask("Target.createTarget", { url: "about:blank", browserContextId });
      const { sessionId } = await line.ask("Target.attachToTarget", { targetId, flatten: true });
      return new Page(line, sessionId as string).begin(options);
    },
    async close() {
      line.close();
      if (child.exitCode === null) {
        child.kill("SIGKILL");
        await once(child, "exit");
      }
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

async function debuggingUrl(child: ChildProcess): Promise<string> {
  let said = "";
  for await (const chunk of child.stderr as AsyncIterable<Buffer>) {
    said += chunk.toString();
    const url = /DevTools listening on (ws:\S+)/.exec(said)?.[1];
    if (url !== undefined) return url;
  }
  throw new Error(`Chromium ended: ${said}`);
}
