// `behalf audit`: proves the chains on this host, signs where they end, takes them out.
import { readFileSync } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { parseArgs } from "node:util";
import type { Config } from "./config.ts";
import type { CheckpointSigner } from "./crypto/checkpoint-signer.ts";
import { createCheckpoint } from "./flows/create-checkpoint.ts";
import { exportAudit } from "./flows/export-audit.ts";
import { verifyAudit } from "./flows/verify-audit.ts";
import type { Log } from "./log.ts";
import { databaseOf, openStore } from "./opening.ts";
import { type Checkpoint, parseCheckpoints } from "./rules/audit-checkpoint.ts";
import { parseProjectId } from "./rules/ids.ts";
import { Refusal } from "./rules/refusal.ts";
import type { NamedKey } from "./settings.ts";
import { keysFor, systemWorld } from "./start.ts";
import type { Database, Store } from "./store/store.ts";

type Settings = () => Config;

const usage = `audit verify [--checkpoint FILE]
       behalf audit checkpoint
       behalf audit export [--project PRJ] [--format jsonl|csv] [--since TIME] [--until TIME]`;

class WrongUsage extends Error {}

type Verb = (args: readonly string[], settings: Settings) => Promise<number>;

const verbs: Readonly<Record<string, Verb>> = { verify, checkpoint, export: exportChains };

export async function audit([name = "", ...args]: readonly string[], settings: Settings): Promise<number> {
  const verb = Object.hasOwn(verbs, name) ? verbs[name] : undefined;
  try {
    if (verb === undefined) throw new WrongUsage(usage);
    return await verb(args, settings);
  } catch (error) {
    if (!(error instanceof WrongUsage)) throw error;
    process.stderr.write(`Usage: behalf ${error.message}\n`);
    return 2;
  }
}

interface Host {
  readonly store: Store;
  readonly auditLink: (text: string) => string;
  readonly checkpointSigner: CheckpointSigner;
  readonly now: () => number;
  readonly log: Log;
}

async function onHost<T>(settings: Settings, work: (host: Host) => Promise<T>): Promise<T> {
  const config = settings();
  const world = systemWorld({ logLevel: "warn" });
  const database = databaseOf(config);
  try {
    const { wasEmpty } = await database.migrate();
    const ring = await keysFor(config, database, wasEmpty);
    const opened = await openStore(database, await keysInUse(ring, database), world);
    return await work({ ...opened, now: world.now, log: world.log });
  } finally {
    await database.close();
  }
}

/**
 * Opening the store brings the newest key of a ring into use, and running servers that lack it could not start again. What is
 * there is opened by the keys that are in use: a newer one is for a server, or for `behalf keys rotate`, to begin with.
 */
async function keysInUse(ring: readonly NamedKey[], { meta }: Database): Promise<readonly NamedKey[]> {
  const used = new Set((await meta.sealingKeys()).map(({ id }) => id));
  const ours = ring.filter(({ id }) => used.has(id));
  return ours.length > 0 ? ours : ring;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function verify(args: readonly string[], settings: Settings): Promise<number> {
  const options = { checkpoint: { type: "string" } } as const;
  const { checkpoint: file } = parseArgs({ args: [...args], options }).values;
  const saved = file === undefined ? [] : savedIn(file);
  const report = await onHost(settings, async (host) => verifyAudit(host, saved));
  for (const { chain, seq, fault } of report.faults) print(`BROKEN  ${chain}: event ${seq} ${fault}`);
  const broken = report.faults.length;
  const held = report.checkpoints === 0 ? "" : `held against ${counted(report.checkpoints, "checkpoint")}, `;
  const verdict = broken === 0 ? "all in order" : `${broken} broken`;
  print(`${counted(report.events, "event")} in ${counted(report.chains, "chain")}, ${held}${verdict}`);
  return broken === 0 ? 0 : 1;
}

/** A checkpoint that cannot be read must not count as one that was held against the chain. */
function savedIn(file: string): readonly Checkpoint[] {
  const { checkpoints, unread } = parseCheckpoints(textOf(file));
  if (unread > 0) throw new WrongUsage(`audit verify: ${counted(unread, "checkpoint")} in ${file} cannot be read`);
  if (checkpoints.length === 0) throw new WrongUsage(`audit verify: there is no checkpoint in ${file}`);
  return checkpoints;
}

function textOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    throw new WrongUsage(`audit verify: ${file} cannot be read`);
  }
}

async function checkpoint(args: readonly string[], settings: Settings): Promise<number> {
  if (args.length > 0) throw new WrongUsage("audit checkpoint (it takes no arguments)");
  return onHost(settings, async (host) => {
    let code = 0;
    for (const { chain } of await host.store.audit.heads()) {
      try {
        const made = await createCheckpoint(host, chain);
        print(JSON.stringify(made.checkpoint));
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        process.stderr.write(`${chain}: ${error.context.detail ?? error.message} Run: behalf audit verify\n`);
        code = 1;
      }
    }
    return code;
  });
}

async function exportChains(args: readonly string[], settings: Settings): Promise<number> {
  const text = { type: "string" } as const;
  const options = { project: text, format: text, since: text, until: text };
  const { project, format = "jsonl", since, until } = parseArgs({ args: [...args], options }).values;
  if (format !== "jsonl" && format !== "csv") throw new WrongUsage("audit export --format jsonl|csv");
  const times = { since: timeOf("since", since), until: timeOf("until", until) };
  const only = project === undefined ? undefined : parseProjectId(project);
  if (project !== undefined && only === undefined) throw new WrongUsage("audit export --project prj_… (or its UUID)");
  return onHost(settings, async ({ store }) => {
    const all = [
      ...new Set([...(await store.audit.heads()).map(({ chain }) => chain), ...(await store.audit.chains())]),
    ];
    const chains = only === undefined ? all.toSorted() : all.filter((chain) => chain === only);
    if (chains.length === 0) process.stderr.write("There is no audit of this project.\n");
    if (chains.length === 0) return 1;
    await pour(exportAudit({ reading: store }, { chains, format, ...times }));
    return 0;
  });
}

function timeOf(name: string, text: string | undefined): number | undefined {
  const time = text === undefined ? undefined : Date.parse(text);
  if (Number.isNaN(time)) throw new WrongUsage(`audit export --${name} 2026-01-31T00:00:00Z`);
  return time;
}

/** As fast as the reader takes it; one that has seen enough (`| head`) is no fault. */
async function pour(texts: AsyncIterable<string>): Promise<void> {
  await pipeline(Readable.from(texts), process.stdout, { end: false }).catch((error: unknown) => {
    if (!(error instanceof Error && "code" in error && error.code === "EPIPE")) throw error;
  });
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
