// Walks every chain of the audit and names the first event of each that is missing, moved or edited.
import type { Checkpoint } from "../rules/audit-checkpoint.ts";
import type { House } from "./house.ts";
import { type Walk, type WalkNeeds, walkChain } from "./steps/walk-chain.ts";

type Needs = Pick<House, "store"> & Omit<WalkNeeds, "chains">;

export interface AuditReport {
  readonly events: number;
  readonly chains: number;
  readonly checkpoints: number;
  readonly faults: readonly { readonly chain: string; readonly seq: number; readonly fault: string }[];
}

/** `saved`: checkpoints that were kept outside the database. */
export async function verifyAudit(needs: Needs, saved: readonly Checkpoint[] = []): Promise<AuditReport> {
  const { audit, projects } = needs.store;
  const walking = { ...needs, chains: audit };
  // Before the walk: a project is made together with the event that tells of it.
  const there = new Set([
    ...(await audit.heads()).map((head) => head.chain),
    ...(await audit.chains()),
    ...(await projects.ids()),
  ]);
  const first = await walkChain(walking, { chain: "instance", saved });
  // A project without a chain, a chain without a head, and a project that was made and is nowhere now are deletions too.
  const chains = new Set([
    ...there,
    ...first.projects,
    ...(await audit.checkpointed()),
    ...saved.map(({ chain }) => chain),
  ]);
  chains.delete("instance");
  const walks: Walk[] = [first];
  for (const chain of [...chains].sort()) walks.push(await walkChain(walking, { chain, saved }));
  return {
    events: sumOf(walks, ({ events }) => events),
    chains: walks.length,
    checkpoints: sumOf(walks, ({ checkpoints }) => checkpoints),
    faults: [
      ...walks.flatMap(({ chain, faults }) => faults.map((fault) => ({ chain, ...fault }))),
      ...untold(first, there),
    ],
  };
}

/** Whoever takes the instance's chain away and begins it anew cannot tell again of the projects that were made before. */
function untold({ isWhole, projects }: Walk, there: ReadonlySet<string>): AuditReport["faults"] {
  if (!isWhole) return [];
  const fault = "is of a project whose making the chain of the instance does not tell";
  const told = new Set(["instance", ...projects]);
  return [...there].filter((chain) => !told.has(chain)).map((chain) => ({ chain, seq: 1, fault }));
}

function sumOf(walks: readonly Walk[], count: (walk: Walk) => number): number {
  return walks.reduce((sum, walk) => sum + count(walk), 0);
}
