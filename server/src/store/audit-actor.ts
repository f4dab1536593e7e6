// Who did it, as an index sees it: taken out of the JSON of `actor`, so that there is no second copy that could say otherwise.
import { type Kysely, PostgresAdapter, type RawBuilder, sql } from "kysely";

export interface ActorColumns {
  /** `token`, `person` or `system`. */
  readonly kind: RawBuilder<string>;
  /** The token's id, the person's attempt, or the task of the server. */
  readonly who: RawBuilder<string>;
}

/** Migration 0002 makes its indexes of these: they never change. */
export function actorColumns(db: Pick<Kysely<unknown>, "getExecutor">): ActorColumns {
  const member = isPostgres(db)
    ? (name: string) => sql.raw(`actor::json ->> '${name}'`)
    : (name: string) => sql.raw(`actor ->> '$.${name}'`);
  return {
    kind: sql`(${member("kind")})`,
    who: sql`(coalesce(${member("id")}, ${member("attempt")}, ${member("task")}))`,
  };
}

export function isPostgres(db: Pick<Kysely<unknown>, "getExecutor">): boolean {
  return db.getExecutor().adapter instanceof PostgresAdapter;
}
