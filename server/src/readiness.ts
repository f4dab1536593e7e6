// Looks at what the server stands on, whenever somebody asks: database, keys, Redis.
import { setTimeout as sleep } from "node:timers/promises";
import type { Ephemeral } from "./ephemeral/ephemeral.ts";
import type { Check } from "./http/machine/operations.ts";
import type { Database } from "./store/store.ts";

export interface Standing {
  readonly database: Database;
  readonly ephemeral: Pick<Ephemeral, "ping">;
  /** Ids of the keys this process can open with. */
  readonly keyIds: readonly string[];
}

export async function readiness({ database, ephemeral, keyIds }: Standing): Promise<readonly Check[]> {
  const redis = await ephemeral.ping();
  return [
    await look("database", "it answers", async () => {
      await database.ping();
      return null;
    }),
    await look("keys", "this process opens everything that is sealed here", async () => {
      const sealing = await database.meta.sealingKeys();
      const missing = sealing.filter(({ id }) => !keyIds.includes(id)).map(({ id }) => id);
      // A newer process seals with a key that this one was not given: it would fail on every such row.
      return missing.length === 0 ? null : `key ${missing.join(", ")} is in use and not on this process's ring`;
    }),
    // Without Redis limits are counted in the database, or by each process: slower, and no reason to be taken out.
    {
      name: "redis",
      ok: redis !== false,
      needed: false,
      detail:
        redis === null ? "none is set up" : redis ? "it answers" : "it does not answer; limits are counted without it",
    },
  ];
}

/** A database that fell silent must not make the one who asks wait as well. */
const patienceMs = 3000;

/** `work` says what is wrong, or null; what a driver throws is not for everybody's eyes. */
async function look(name: string, fine: string, work: () => Promise<string | null>): Promise<Check> {
  const late = sleep(patienceMs, "it does not answer", { ref: false });
  const wrong = await Promise.race([work(), late]).catch(() => "it does not answer");
  return { name, ok: wrong === null, needed: true, detail: wrong ?? fine };
}
