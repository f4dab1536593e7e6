#!/usr/bin/env node
// The command `behalf`.
import { existsSync, readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { makeInstanceToken } from "./admin-token.ts";
import { databaseOf, openStore } from "./compose.ts";
import { type Config, ConfigError, readConfig } from "./config.ts";
import { doctor } from "./doctor.ts";
import { verifyAudit } from "./flows/verify-audit.ts";
import { parseId } from "./rules/ids.ts";
import { serve } from "./serve.ts";
import { keysFor, systemWorld } from "./start.ts";
import type { Store } from "./store/store.ts";
import { version } from "./version.ts";

const usage = `behalf ${version}: software agents use GitHub on people's behalf without ever holding their keys

  behalf serve                     start the server (reads .env where present)
  behalf demo                      play the main job against an emulated GitHub
  behalf migrate                   bring the database up to date and stop
  behalf tokens create --admin     make an instance token on this host  [--name NAME]
  behalf tokens list               list the instance tokens
  behalf tokens revoke ID          revoke an instance token
  behalf audit verify              check every link of the audit; names the first bad event of each chain
  behalf doctor                    check settings, keys, database and clock, and say what to do
`;

function settings(): Config {
  if (existsSync(".env")) process.loadEnvFile(".env");
  return readConfig(process.env, { read: (path) => readFileSync(path, "utf8") });
}

interface Host {
  readonly store: Store;
  readonly auditLink: (text: string) => string;
}

/** The database of this host, opened for one command. */
async function onHost<T>(work: (host: Host) => Promise<T>): Promise<T> {
  const config = settings();
  const world = systemWorld({ logLevel: "warn" });
  const database = databaseOf(config);
  try {
    const { wasEmpty } = await database.migrate();
    return await work(await openStore(database, await keysFor(config, database, wasEmpty), world));
  } finally {
    await database.close();
  }
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function migrate(): Promise<number> {
  const database = databaseOf(settings());
  try {
    const { wasEmpty } = await database.migrate();
    print(wasEmpty ? "The database was new; its tables are made." : "The database is up to date.");
  } finally {
    await database.close();
  }
  return 0;
}

async function tokens(args: readonly string[]): Promise<number> {
  const [verb, ...rest] = args;
  const { values, positionals } = parseArgs({
    args: [...rest],
    options: { admin: { type: "boolean" }, name: { type: "string" } },
    allowPositionals: true,
  });
  const world = systemWorld({ logLevel: "warn" });
  if (verb === "create" && values.admin === true) {
    const token = await onHost(async ({ store }) =>
      makeInstanceToken({ ...world, store }, values.name ?? "made on the host"),
    );
    print(token);
    process.stderr.write("This is the only time the token is shown.\n");
    return 0;
  }
  if (verb === "list") return onHost(async ({ store }) => listTokens(store));
  const id = verb === "revoke" ? parseId("token", positionals[0] ?? "") : undefined;
  if (id === undefined) return wrongUsage("tokens create --admin | tokens list | tokens revoke tok_…");
  const ended = await onHost(async ({ store }) =>
    store.change(async (tables, record) => {
      if ((await tables.tokens.find(null, id)) === undefined) return [];
      const revoked = await tables.tokens.revokeTree(id, world.now());
      for (const subject of revoked)
        record({ chain: "instance", name: "token.revoked", actor: { kind: "system", task: "host" }, subject });
      return revoked;
    }),
  );
  print(ended.length === 0 ? "No such living instance token." : `Revoked ${ended.join(", ")}.`);
  return ended.length === 0 ? 1 : 0;
}

async function listTokens(store: Store): Promise<number> {
  const page = await store.tokens.page(null, null, { limit: 100, after: undefined });
  for (const row of page.rows) {
    const state = row.revoked_at === null ? "living" : `revoked ${new Date(row.revoked_at).toISOString()}`;
    print(`${row.id}  ${row.preview}…  ${new Date(row.created_at).toISOString()}  ${state}  ${row.name}`);
  }
  return 0;
}

async function audit(args: readonly string[]): Promise<number> {
  if (args[0] !== "verify") return wrongUsage("audit verify");
  const report = await onHost(verifyAudit);
  for (const { chain, seq, fault } of report.faults) print(`BROKEN  ${chain}: event ${seq} ${fault}`);
  print(
    `${report.events} events in ${report.chains} chains, ${report.faults.length === 0 ? "all in order" : `${report.faults.length} chains broken`}`,
  );
  return report.faults.length === 0 ? 0 : 1;
}

function wrongUsage(right: string): number {
  process.stderr.write(`Usage: behalf ${right}\n`);
  return 2;
}

const commands: Readonly<Record<string, (args: readonly string[]) => Promise<number>>> = {
  serve: async () => serve(settings()),
  demo: async (args) => (await import("./demo.ts")).demo(args),
  migrate,
  tokens,
  audit,
  doctor: async () => doctor(process.env),
};

async function main([name = "", ...args]: readonly string[]): Promise<number> {
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command !== undefined) return command(args);
  const asked = ["", "help", "--help", "-h"].includes(name);
  (asked ? process.stdout : process.stderr).write(name === "--version" ? `${version}\n` : usage);
  return asked || name === "--version" ? 0 : 2;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const known = error instanceof ConfigError || (error instanceof Error && error.name === "WrongKeys");
  process.stderr.write(
    known && error instanceof Error
      ? `${error.message}\n`
      : `behalf: ${error instanceof Error ? (error.stack ?? error.message) : "failed"}\n`,
  );
  process.exitCode = 1;
}
