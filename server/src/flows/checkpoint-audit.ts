// Makes a checkpoint of every chain whose end has none yet, and writes each into the log too: there no one with the database can cut it.
import { type SigningNeeds, signAndKeep } from "./steps/sign-checkpoint.ts";

const everyMs = 3_600_000;
/** Each end that has a checkpoint is a signature to verify, some tenth of a millisecond: others have their turn between. */
const batch = 100;

/** `due`: when an hour has passed since any process did; `now`: at the end of a process. Answers how many were made. */
export async function checkpointAudit(needs: SigningNeeds, when: "due" | "now"): Promise<number> {
  const { audit } = needs.store;
  const now = needs.now();
  if (when === "due" && !(await audit.beginRound(now - everyMs, now))) return 0;
  let made = 0;
  let after = "";
  for (;;) {
    const ends = await audit.ends(after, batch);
    for (const one of await signAndKeep(needs, ends)) {
      if (one.kind === "made") made += 1;
      if (one.kind === "unproven")
        needs.log.error("A chain of the audit is not in order: run behalf audit verify", { chain: one.chain });
    }
    after = ends.at(-1)?.chain ?? "";
    if (ends.length < batch) return made;
  }
}
