// Long questions, answered where they keep no call waiting: in SQLite by a worker on its own connections, in PostgreSQL by the pool.
import type { Kysely } from "kysely";
import type { AccountStatus } from "../rules/account.ts";
import { type AuditReading, auditReading } from "./audit-reading.ts";
import type { LogScope, RequestReading } from "./request-questions.ts";
import { requestReading } from "./request-reading.ts";
import type { RequestsSchema } from "./request-rows.ts";
import type { Schema } from "./schema.ts";

export interface AccountReading {
  byStatus(scope: LogScope): Promise<readonly { readonly status: AccountStatus; readonly count: number }[]>;
}

/** Objects of functions whose arguments and answers are plain data, since both may cross to another thread. A new one is a line here and one in `readingOf`. */
export interface Reading {
  readonly requests: RequestReading;
  readonly accounts: AccountReading;
  readonly audit: AuditReading;
}

export interface ReadDatabases {
  readonly kind: "sqlite" | "postgres";
  readonly main: Kysely<Schema>;
  readonly requests: Kysely<RequestsSchema>;
}

export function readingOf({ kind, main, requests }: ReadDatabases): Reading {
  return {
    requests: requestReading(requests, kind),
    accounts: accountReading(main),
    audit: auditReading(main),
  };
}

function accountReading(db: Kysely<Schema>): AccountReading {
  return {
    async byStatus({ project, account }) {
      let query = db.selectFrom("accounts").where("project_id", "=", project);
      if (account !== null) query = query.where("id", "=", account);
      return query
        .select((eb) => ["status", eb.fn.countAll<number>().as("count")])
        .groupBy("status")
        .orderBy("status")
        .execute();
    },
  };
}

/** One question of another thread. */
export interface Question {
  readonly room: string;
  readonly method: string;
  readonly args: readonly unknown[];
}

/** The same objects, asked through `ask`. */
export function remoteReading(ask: (question: Question) => Promise<unknown>): Reading {
  const room = (name: string): unknown =>
    new Proxy(
      {},
      {
        get(_, method) {
          // An object with `then` would be taken for a promise.
          if (typeof method !== "string" || method === "then") return undefined;
          return async (...args: unknown[]) => ask({ room: name, method, args });
        },
      },
    );
  return new Proxy({} as Reading, {
    get: (_, name) => (typeof name === "string" && name !== "then" ? room(name) : undefined),
  });
}

export async function answered(reading: Reading, { room, method, args }: Question): Promise<unknown> {
  const rooms = reading as unknown as Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  const asked = Object.hasOwn(rooms, room) ? rooms[room]?.[method] : undefined;
  if (typeof asked !== "function") throw new Error(`There is no question ${room}.${method}`);
  return (asked as (...given: readonly unknown[]) => Promise<unknown>)(...args);
}
