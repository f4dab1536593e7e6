// The verbs of the command: each reads the settings, does one thing on this host and answers with an exit code.
import { existsSync, readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { makeInstanceToken } from "./admin-token.ts";
import { type Config, ConfigError, readConfig } from "./config.ts";
import { demo } from "./demo.ts";
import { doctor } from "./doctor.ts";
import { sentenceFor } from "./faults.ts";
import { audit } from "./main-audit.ts";
import { keys } from "./main-keys.ts";
import { databaseOf, openStore } from "./opening.ts";
import { parseId } from "./rules/ids.ts";
import { serve } from "./serve.ts";
import { keysFor, systemWorld } from "./start.ts";
import type { Store } from "./store/store.ts";
import { version } from "./version.ts";

/** As the reader would type it: npm swallows options that do not stand behind `--`. */
const command = process.env["npm_lifecycle_event"] === undefined ? "behalf" : "npm run behalf --";

const usage = `behalf ${version}: software agents use GitHub on people's behalf without ever holding their keys

  behalf serve                     start the server
  behalf demo [--once]             play the main job against an emulated GitHub; --once ends after the play
  behalf migrate                   bring the database up to date and stop
  behalf tokens create --admin     make an instance token  [--name NAME]
  behalf tokens list               list the instance tokens
  behalf tokens revoke ID          revoke an instance token
  behalf audit verify              check every link of the audit, and name the first bad event of each chain
                                   [--checkpoint FILE]  against what was signed before
  behalf audit checkpoint          sign where each chain ends: keep what it prints elsewhere
  behalf audit export              every chain as JSON Lines  [--project PRJ] [--format csv] [--since TIME] [--until TIME]
  behalf keys list                 show the sealing keys, and how many values each seals
  behalf keys add                  make a new key in behalf.keys, beside a SQLite database
  behalf keys rotate               seal every value anew with the newest key, while servers run
  behalf doctor                    check settings, keys, database and clock, and say what to do
  behalf --version, --help

Settings come from the environment and from ./.env; docs/configuration.md lists them.
`;

class WrongUsage extends Error {}

function settings(): Config {
  readDotEnv();
  return readConfig(process.env, { read: (path) => readFileSync(path, "utf8") });
}

function readDotEnv(): void {
  if (!existsSync(".env")) return;
  try {
    process.loadEnvFile(".env");
  } catch (error) {
    throw new ConfigError([
      `.env is there and cannot be read (${error instanceof Error ? error.message : "no reason"})`,
    ]);
  }
}

interface Host {
  readonly store: Store;
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

async function createToken(args: readonly string[]): Promise<number> {
  const options = { admin: { type: "boolean", default: false }, name: { type: "string" } } as const;
  const { admin, name = "made on the host" } = parseArgs({ args: [...args], options }).values;
  // Other tokens than the instance's are made by the API: the word says which one this is.
  if (!admin) throw new WrongUsage("tokens create --admin [--name NAME]");
  if (!/^[^\p{Cc}]{1,64}$/u.test(name)) throw new WrongUsage("tokens create --admin --name (1 to 64 characters)");
  const world = systemWorld({ logLevel: "warn" });
  print(await onHost(async ({ store }) => makeInstanceToken({ ...world, store }, name)));
  process.stderr.write("This is the only time the token is shown.\n");
  return 0;
}

async function listTokens(store: Store): Promise<number> {
  let after: { readonly created_at: number; readonly id: string } | undefined;
  let count = 0;
  let more = true;
  while (more) {
    const page = await store.tokens.page(null, null, { limit: 100, after });
    for (const row of page.rows) {
      const state = row.revoked_at === null ? "living" : `revoked ${new Date(row.revoked_at).toISOString()}`;
      print(`${row.id}  ${row.preview}…  ${new Date(row.created_at).toISOString()}  ${state}  ${row.name}`);
    }
    count += page.rows.length;
    after = page.rows.at(-1);
    ({ more } = page);
  }
  if (count === 0) print(`There is no instance token yet. Make one: ${command} tokens create --admin`);
  return 0;
}

async function revokeToken([text = "", ...more]: readonly string[]): Promise<number> {
  const id = parseId("token", text);
  if (id === undefined || more.length > 0)
    throw new WrongUsage("tokens revoke ID (as `tokens list` shows it: tok_ and 32 characters)");
  const { now } = systemWorld({ logLevel: "warn" });
  const ended = await onHost(async ({ store }) =>
    store.change(async (tables, record) => {
      if ((await tables.tokens.find(null, id)) === undefined) return [];
      const revoked = await tables.tokens.revokeTree(id, now());
      for (const subject of revoked)
        record({ chain: "instance", name: "token.revoked", actor: { kind: "system", task: "host" }, subject });
      return revoked;
    }),
  );
  if (ended.length > 0) print(`Revoked ${ended.join(", ")}.`);
  else process.stderr.write(`No living instance token has this id. See them: ${command} tokens list\n`);
  return ended.length === 0 ? 1 : 0;
}

async function play(args: readonly string[]): Promise<number> {
  const { isTTY, columns } = process.stdout;
  const colour = isTTY && (process.env["NO_COLOR"] ?? "") === "";
  return demo(args, { write: (text) => void process.stdout.write(text), colour, width: isTTY ? columns : 120 });
}

type Verb = (args: readonly string[]) => Promise<number>;

/** A verb that takes no arguments says so, instead of ignoring what somebody meant. */
function alone(name: string, verb: () => Promise<number>): Verb {
  return async (args) => {
    if (args.length > 0) throw new WrongUsage(`${name} (it takes no arguments; settings come from the environment)`);
    return verb();
  };
}

const tokenVerbs: Readonly<Record<string, Verb>> = {
  create: createToken,
  list: alone("tokens list", async () => onHost(async ({ store }) => listTokens(store))),
  revoke: revokeToken,
};

async function tokens([name = "", ...args]: readonly string[]): Promise<number> {
  const verb = Object.hasOwn(tokenVerbs, name) ? tokenVerbs[name] : undefined;
  if (verb === undefined) throw new WrongUsage("tokens create --admin [--name NAME] | tokens list | tokens revoke ID");
  return verb(args);
}

const verbs: Readonly<Record<string, Verb>> = {
  serve: alone("serve", async () => serve(settings(), command)),
  demo: play,
  migrate: alone("migrate", migrate),
  tokens,
  audit: async (args) => audit(args, settings),
  keys: async (args) => keys(args, settings, command),
  doctor: alone("doctor", async () => doctor(settings, command)),
};

export async function main([name = "", ...args]: readonly string[]): Promise<number> {
  if (["--version", "-v", "version"].includes(name)) return (print(version), 0);
  const isAsked = ["", "help", "--help", "-h"].includes(name) || args.includes("--help") || args.includes("-h");
  const verb = Object.hasOwn(verbs, name) ? verbs[name] : undefined;
  if (isAsked || verb === undefined) {
    if (!isAsked) process.stderr.write(`behalf has no command ${JSON.stringify(name)}.\n\n`);
    (isAsked ? process.stdout : process.stderr).write(usage);
    return isAsked ? 0 : 2;
  }
  try {
    return await verb(args);
  } catch (error) {
    return failed(error);
  }
}

function failed(error: unknown): number {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (error instanceof WrongUsage || code.startsWith("ERR_PARSE_ARGS_")) {
    const said =
      error instanceof WrongUsage
        ? `Usage: behalf ${error.message}`
        : `${(error as Error).message.split(". ")[0] ?? ""}. See behalf --help.`;
    process.stderr.write(`${said}\n`);
    return 2;
  }
  const sentence = sentenceFor(error);
  const stack = error instanceof Error ? (error.stack ?? error.message) : "failed";
  process.stderr.write(sentence === undefined ? `behalf: ${stack}\n` : `${sentence}\n`);
  return 1;
}
