// Instance tokens kept in the database: the first one, printed once, and those made on the host.
import { issueGatewayToken } from "./crypto/gateway-token.ts";
import type { Random } from "./crypto/random.ts";
import { freshToken } from "./rules/fresh-token.ts";
import { idFrom } from "./rules/ids.ts";
import type { Store } from "./store/store.ts";

interface Powers {
  readonly store: Store;
  readonly random: Random;
  readonly now: () => number;
}

/** Makes an instance token; the answer is the only time its text is seen. */
export async function makeInstanceToken(powers: Powers, name: string): Promise<string> {
  const { store, random, now } = powers;
  const issued = issueGatewayToken("live", random);
  const id = idFrom("token", random(16));
  await store.change(async (tables, record) => {
    await tables.tokens.add(freshToken({ id, project: null, name, issued, scopes: ["admin"], now: now() }));
    record({
      chain: "instance",
      name: "token.created",
      actor: { kind: "system", task: "host" },
      subject: id,
      details: { name },
    });
  });
  return issued.plain.reveal();
}

/** The first token of a new database; undefined when another process was first, or it has been made before. */
export async function makeFirstToken(powers: Powers): Promise<string | undefined> {
  const won = await powers.store.meta.putOnce("admin_token_issued", String(powers.now()));
  return won ? makeInstanceToken(powers, "first admin token") : undefined;
}
