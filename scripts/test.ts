// Runs the tests, says loudly which services are missing, and leaves the runner's own summary as the last lines.
import { spawn } from "node:child_process";
import { globSync } from "node:fs";
import { connect } from "node:net";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const patterns = ["server/**/*.test.ts", "sdk/**/*.test.ts"];
const answerWithinMs = 2000;

interface Service {
  readonly name: string;
  readonly url: URL;
  readonly hello: Uint8Array;
  /** Whether these first bytes are that service answering. */
  readonly knows: (answer: Buffer) => boolean;
}

// PostgreSQL's SSLRequest: length 8, code 80877103. It answers S or N before any sign-in, so no password is needed here.
const sslRequest = Uint8Array.of(0, 0, 0, 8, 4, 210, 22, 47);

const services: readonly Service[] = [
  {
    name: "PostgreSQL",
    url: new URL(process.env["BEHALF_TEST_POSTGRES_URL"] ?? "postgres://postgres@127.0.0.1:5432/postgres"),
    hello: sslRequest,
    knows: (answer) => ["S", "N"].includes(answer.toString("latin1", 0, 1)),
  },
  {
    name: "Redis",
    url: new URL(process.env["BEHALF_TEST_REDIS_URL"] ?? "redis://127.0.0.1:6379"),
    hello: Buffer.from("PING\r\n"),
    // A Redis with a password answers PING with -NOAUTH: it is there all the same.
    knows: (answer) => /^(\+PONG|-NOAUTH)/.test(answer.toString("latin1")),
  },
];

const defaultPorts: Readonly<Record<string, number>> = { "postgres:": 5432, "postgresql:": 5432, "redis:": 6379 };

function answers({ url, hello, knows }: Service): Promise<boolean> {
  const port = url.port === "" ? (defaultPorts[url.protocol] ?? 0) : Number(url.port);
  const host = url.hostname.replaceAll(/^\[|\]$/g, "");
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const finish = (result: boolean): void => {
      socket.destroy();
      resolve(result);
    };
    socket.setTimeout(answerWithinMs, () => {
      finish(false);
    });
    socket.once("connect", () => socket.write(hello));
    socket.once("data", (answer: Buffer) => {
      finish(knows(answer));
    });
    socket.once("error", () => {
      finish(false);
    });
    socket.once("close", () => {
      finish(false);
    });
  });
}

/** Files named on the command line: paths, or any part of a path of a test. */
function chosenFiles(filters: readonly string[]): readonly string[] {
  const all = globSync(patterns, { cwd: root, exclude: (name) => name.endsWith("node_modules") }).toSorted();
  return filters.length === 0 ? all : all.filter((file) => filters.some((filter) => file.includes(filter)));
}

function warn(missing: readonly string[], must: boolean): void {
  const edge = "!".repeat(100);
  const names = missing.join(" and ");
  console.error(`\n${edge}\n!! ${names} did not answer.`);
  for (const { name, url } of services.filter((service) => missing.includes(service.name))) {
    console.error(`!! ${name} was expected at ${url.host}; set BEHALF_TEST_${settingOf(name)}_URL to look elsewhere.`);
  }
  console.error(
    must ? "!! BEHALF_TEST_REQUIRE_SERVICES=1: this run fails." : `!! Suites that need ${names} are SKIPPED.`,
  );
  console.error(`${edge}\n`);
}

function settingOf(name: string): string {
  return name === "PostgreSQL" ? "POSTGRES" : "REDIS";
}

function runTests(files: readonly string[], flags: readonly string[]): Promise<number> {
  const args = ["--test", "--test-reporter=spec", ...flags, ...files];
  const child = spawn(process.execPath, args, { cwd: root, stdio: "inherit" });
  return new Promise((resolve) => {
    child.on("error", () => {
      resolve(1);
    });
    child.on("close", (code) => {
      resolve(code ?? 1);
    });
  });
}

async function main(args: readonly string[]): Promise<number> {
  const flags = args.filter((arg) => arg.startsWith("-"));
  const files = chosenFiles(args.filter((arg) => !arg.startsWith("-")));
  if (files.length === 0) {
    console.error("No test file has such a name.");
    return 1;
  }
  const must = process.env["BEHALF_TEST_REQUIRE_SERVICES"] === "1";
  const found = await Promise.all(services.map(answers));
  const missing = services.filter((_, index) => found[index] !== true).map((service) => service.name);
  if (missing.length > 0) warn(missing, must);
  if (missing.length > 0 && must) return 1;
  return runTests(files, flags);
}

process.exitCode = await main(process.argv.slice(2));
