// A further process on the same database, as far as the database can tell: a thread of its own with connections of its own.
import { once } from "node:events";
import { isMainThread, type MessagePort, parentPort, Worker, workerData } from "node:worker_threads";
import { hmac } from "../../src/crypto/digest.ts";
import { type Database, type DatabaseChoice, openDatabase, type Store } from "../../src/store/store.ts";
import type { ScratchDatabase } from "../support/databases.ts";
import { newId } from "./rows.ts";

/** Questions to ask all at once; an answer each, in their order. */
export interface Round {
  readonly table: string;
  readonly question: string;
  readonly asks: readonly (readonly unknown[])[];
}

export interface Replica {
  ask(round: Round): Promise<unknown[]>;
  close(): Promise<void>;
}

const chainKey = Buffer.from("the audit key of the store's own tests");

export function link(text: string): string {
  return hmac(chainKey, text);
}

export function choiceOf({ choice }: ScratchDatabase): DatabaseChoice {
  return choice.kind === "sqlite" ? choice : { kind: "postgres", url: choice.url.reveal() };
}

export function storeOf(database: Database): Store {
  return database.withChain({ link, newId: () => newId("event"), now: () => 5000 });
}

export async function openReplica(database: ScratchDatabase): Promise<Replica> {
  const worker = new Worker(new URL(import.meta.url), { workerData: choiceOf(database) });
  await once(worker, "message");
  return {
    async ask(round) {
      const answered = once(worker, "message");
      worker.postMessage(round);
      const [answers] = (await answered) as [unknown[] | { failed: string }];
      if (!Array.isArray(answers)) throw new Error(answers.failed);
      return answers;
    },
    async close() {
      const gone = once(worker, "exit");
      worker.postMessage("close");
      await gone;
    },
  };
}

/** Two replicas that get one half of the asks each, at the same moment. */
export async function askBoth(replicas: readonly Replica[], round: Round): Promise<unknown[]> {
  const halves = replicas.map(async (replica, at) =>
    replica.ask({ ...round, asks: round.asks.filter((_, index) => index % replicas.length === at) }),
  );
  return (await Promise.all(halves)).flat();
}

async function answer(store: Store, { table, question, asks }: Round): Promise<unknown[]> {
  const tables = store as unknown as Record<string, Record<string, (...args: readonly unknown[]) => Promise<unknown>>>;
  return Promise.all(
    asks.map(async (args) => {
      if (table === "change") return recordOne(store, String(args[0]));
      return tables[table]?.[question]?.(...args);
    }),
  );
}

async function recordOne(store: Store, chain: string): Promise<number> {
  return store.change(async (tables, record) => {
    const earlier = await tables.audit.chains();
    const actor = { kind: "system", task: "test" } as const;
    record({ chain: chain as "instance", name: "account.refreshed", actor, subject: "a" });
    record({ chain: "instance", name: "account.refreshed", actor, subject: "b" });
    return earlier.length;
  });
}

async function serve(port: MessagePort): Promise<void> {
  const database = openDatabase(workerData as DatabaseChoice);
  const store = storeOf(database);
  port.on("message", (round: Round | "close") => {
    if (round === "close") return void database.close().then(() => port.close());
    answer(store, round).then(
      (answers) => port.postMessage(answers),
      (error: unknown) => port.postMessage({ failed: error instanceof Error ? error.message : "failed" }),
    );
  });
  await database.ping();
  port.postMessage("ready");
}

if (!isMainThread && parentPort !== null) await serve(parentPort);
