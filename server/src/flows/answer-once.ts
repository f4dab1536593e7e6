// A write that carries an Idempotency-Key is done once: the same key again gets the recorded answer (design §10.9).
import { projectOf } from "../rules/caller.ts";
import type { Principal } from "../rules/policy.ts";
import { Refusal } from "../rules/refusal.ts";
import type { IdempotencyRow } from "../store/schema.ts";
import type { House } from "./house.ts";

type Needs = Pick<House, "store" | "vault" | "now">;

export interface KeyedWrite {
  readonly key: string;
  readonly method: string;
  /** Path with query, as received. */
  readonly path: string;
  readonly body: Uint8Array;
}

/** A status and JSON text; `body` is empty where there is none. */
export interface RecordedAnswer {
  readonly status: number;
  readonly body: string;
  readonly contentType: string;
}

export interface Keyed {
  readonly answer: RecordedAnswer;
  readonly replayed: boolean;
}

/** After this long without an answer the process that started it is taken for dead: its calls end well before. */
const deadlineMs = 150_000;
const keepMs = 24 * 3_600_000;

/** `work` answers, or throws what `settle` can turn into an answer. */
export interface Work {
  run(): Promise<RecordedAnswer>;
  /** A refusal as the answer it becomes. */
  refused(refusal: Refusal): RecordedAnswer;
  /** The answer as it may be replayed: without a secret that is shown once. */
  withoutSecrets(answer: RecordedAnswer): RecordedAnswer;
}

export async function answerOnce(
  needs: Needs,
  principal: Principal,
  ask: { readonly write: KeyedWrite; readonly work: Work },
): Promise<Keyed> {
  const { write, work } = ask;
  // The instance token may make projects before there is one: its keys live beside no project's.
  const project = principal.isInstance && principal.projectId === null ? "instance" : projectOf(principal);
  const keyDigest = needs.vault.digest(
    "idempotency-key",
    project,
    principal.tokenId,
    write.method,
    write.path,
    write.key,
  );
  const bodyDigest = needs.vault.digestBytes(write.body);
  const now = needs.now();
  const began = await needs.store.idempotency.begin({
    key_digest: keyDigest,
    project_id: project,
    body_digest: bodyDigest,
    state: "started",
    started_at: now,
    deadline_at: now + deadlineMs,
    status: null,
    answer: null,
    expires_at: now + keepMs,
  });
  if (!began) return { answer: await recorded(needs, keyDigest, bodyDigest), replayed: true };
  return { answer: await perform(needs, { keyDigest, project, work }), replayed: false };
}

async function perform(
  needs: Needs,
  { keyDigest, project, work }: { keyDigest: string; project: string; work: Work },
): Promise<RecordedAnswer> {
  const place = { project, table: "idempotency", row: keyDigest, column: "answer" };
  const keep = async (answer: RecordedAnswer): Promise<void> => {
    const sealed = needs.vault.sealText(place, JSON.stringify(work.withoutSecrets(answer)));
    await needs.store.idempotency.answer(keyDigest, { status: answer.status, answer: sealed });
  };
  try {
    const answer = await work.run();
    await keep(answer);
    return answer;
  } catch (error) {
    // Where nothing was done the key is free again: the caller may mend the request and use it once more.
    if (error instanceof Refusal && error.outcome === "nothing") await needs.store.idempotency.drop(keyDigest);
    else if (error instanceof Refusal) await keep(work.refused(error));
    throw error;
  }
}

async function recorded(needs: Needs, keyDigest: string, bodyDigest: string): Promise<RecordedAnswer> {
  const row = await needs.store.idempotency.find(keyDigest);
  if (row === undefined) throw inFlight(1);
  if (row.body_digest !== bodyDigest) {
    throw new Refusal("idempotency_conflict", {
      detail: "The same key came before with another body.",
      next: { action: "new_key", detail: "Use a new Idempotency-Key for a new request." },
    });
  }
  if (row.state === "answered") return open(needs, row);
  const left = row.deadline_at - needs.now();
  if (left > 0) throw inFlight(Math.min(Math.ceil(left / 1000), 5));
  throw new Refusal("outcome_unknown", {
    detail:
      "The process that took this request ended before it knew what came of it. It is never sent again under this key.",
    next: {
      action: "check_outcome",
      detail: "Look whether it was done; if not, ask again with a new Idempotency-Key.",
    },
  });
}

function inFlight(seconds: number): Refusal {
  return new Refusal("conflict", {
    detail: "A request with this Idempotency-Key is under way.",
    retryAfterSeconds: seconds,
    next: { action: "retry", detail: "Ask again with the same key and body after Retry-After." },
  });
}

function open(needs: Needs, row: IdempotencyRow): RecordedAnswer {
  const place = { project: row.project_id, table: "idempotency", row: row.key_digest, column: "answer" };
  return JSON.parse(needs.vault.openText(place, row.answer ?? "")) as RecordedAnswer;
}
