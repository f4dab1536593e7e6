// Makes a checkpoint of every chain that has grown since its last, and writes each into the log too: there no one with the database can cut it.
import type { AuditCheckpointRow } from "../store/schema.ts";
import type { House } from "./house.ts";
import { checkpointView } from "./steps/audit-views.ts";
import { type SigningNeeds, signCheckpoint } from "./steps/sign-checkpoint.ts";

type Needs = Pick<House, "store" | "log"> & SigningNeeds;

const everyMs = 3_600_000;
const batch = 200;

/** `due`: when an hour has passed since any process did; `now`: at the end of a process. Answers how many were made. */
export async function checkpointAudit(needs: Needs, when: "due" | "now"): Promise<number> {
  const { audit } = needs.store;
  const now = needs.now();
  if (when === "due" && !(await audit.beginRound(now - everyMs, now))) return 0;
  let made = 0;
  let after = "";
  for (;;) {
    const ends = await audit.grown(after, batch);
    const rows: AuditCheckpointRow[] = [];
    for (const end of ends) {
      const row = signCheckpoint(needs, end);
      if (row !== undefined) rows.push(row);
      else needs.log.error("A chain of the audit is not in order: run behalf audit verify", { chain: end.chain });
    }
    await audit.addCheckpoints(rows);
    for (const row of rows) needs.log.info("audit checkpoint", { checkpoint: checkpointView(row) });
    made += rows.length;
    after = ends.at(-1)?.chain ?? "";
    if (ends.length < batch) return made;
  }
}
