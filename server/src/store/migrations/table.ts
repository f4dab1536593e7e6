// How a migration writes a table down, and makes it. Released migrations read this too: it may grow, and never means another thing.
import type { ColumnDataType, Kysely } from "kysely";

export interface TableSpec {
  readonly name: string;
  readonly key: readonly string[];
  /** `name type` separated by commas; `?` after the type: may be null, `!`: unique. Every table of ours has its own line of them. */
  readonly columns: string;
  readonly foreign?: readonly (readonly [column: string, table: string, onDelete: "cascade" | "restrict"])[];
  readonly unique?: readonly (readonly string[])[];
  readonly indexes?: readonly (readonly string[])[];
}

export async function createTable(db: Kysely<unknown>, spec: TableSpec): Promise<void> {
  let builder = db.schema.createTable(spec.name);
  for (const column of spec.columns.split(",")) {
    const [name = "", described = ""] = column.trim().split(" ");
    builder = builder.addColumn(name, described.replaceAll(/[?!]/g, "") as ColumnDataType, (made) => {
      const sized = described.includes("?") ? made : made.notNull();
      return described.includes("!") ? sized.unique() : sized;
    });
  }
  builder = builder.addPrimaryKeyConstraint(`${spec.name}_key`, [...spec.key] as never[]);
  for (const [column, target, onDelete] of spec.foreign ?? []) {
    builder = builder.addForeignKeyConstraint(`${spec.name}_${column}`, [column] as never[], target, ["id"], (key) =>
      key.onDelete(onDelete),
    );
  }
  for (const columns of spec.unique ?? []) {
    builder = builder.addUniqueConstraint(`${spec.name}_${columns.join("_")}_once`, [...columns] as never[]);
  }
  await builder.execute();
  for (const columns of spec.indexes ?? []) {
    const index = db.schema.createIndex(`${spec.name}_by_${columns.join("_")}`).on(spec.name);
    await index.columns([...columns]).execute();
  }
}

/** An index on a table that is there, for reads that came later. */
export async function createIndex(db: Kysely<unknown>, table: string, columns: readonly string[]): Promise<void> {
  const index = db.schema.createIndex(`${table}_by_${columns.join("_")}`).on(table);
  await index.columns([...columns]).execute();
}
