// Instance tokens kept in the database: the first one, printed once, and those made on the host.
import { issueGatewayToken } from "./crypto/gateway-token.ts";
import type { Random } from "./crypto/random.ts";
import { freshToken } from "./rules/fresh-token.ts";
import { idFrom } from "./rules/ids.ts";
import type { Record as RecordEvent, Store, Tables } from "./store/store.ts";

interface Powers {
  readonly store: Store;
  readonly random: Random;
  readonly now: () => number;
}

interface Change {
  readonly tables: Tables;
  readonly record: RecordEvent;
}

async function add({ random, now }: Powers, { tables, record }: Change, name: string): Promise<string> {
  const issued = issueGatewayToken("live", random);
  const id = idFrom("token", random(16));
  await tables.tokens.add(freshToken({ id, project: null, name, issued, scopes: ["admin"], now: now() }));
  const actor = { kind: "system", task: "host" } as const;
  record({ chain: "instance", name: "token.created", actor, subject: id, details: { name } });
  return issued.plain.reveal();
}

/** Makes an instance token; the answer is the only time its text is seen. */
export async function makeInstanceToken(powers: Powers, name: string): Promise<string> {
  return powers.store.change(async (tables, record) => add(powers, { tables, record }, name));
}

/** The first token of a new database; undefined when another process was first, or it has been made before. */
export async function makeFirstToken(powers: Powers): Promise<string | undefined> {
  return powers.store.change(async (tables, record) => {
    const won = await tables.meta.putOnce("admin_token_issued", String(powers.now()));
    return won ? add(powers, { tables, record }, "first admin token") : undefined;
  });
}
