// Every power a flow may be given. Types only; compose.ts makes the values once.
import type { CheckpointSigner } from "../crypto/checkpoint-signer.ts";
import type { Ephemeral } from "../ephemeral/ephemeral.ts";
import type { Headroom } from "../ephemeral/headroom.ts";
import type { Log } from "../log.ts";
import type { Metrics } from "../metrics.ts";
import type { AddressRange } from "../rules/addresses.ts";
import type { IdKind, idFrom } from "../rules/ids.ts";
import type { Reading } from "../store/reading.ts";
import type { RequestLog } from "../store/request-log.ts";
import type { Store } from "../store/store.ts";
import type { makeInputCheck } from "../tools/validate.ts";
import type { Forward } from "../upstream/forward-types.ts";
import type { GitHub } from "../upstream/github.ts";
import type { Preset } from "../upstream/presets.ts";
import type { OAuth } from "../upstream/provider.ts";
import type { Vault } from "../vault/vault.ts";

export interface House {
  readonly store: Store;
  readonly vault: Vault;
  readonly oauth: OAuth;
  readonly github: GitHub;
  readonly forward: Forward;
  readonly presets: readonly Preset[];
  readonly log: Log;
  /** The keyed hash that links the audit, and the signer of its checkpoints. */
  readonly auditLink: (text: string) => string;
  readonly checkpointSigner: CheckpointSigner;
  /** Long reads, off the main thread with SQLite (design §10.15). */
  readonly reading: Reading;
  readonly metrics: Metrics;
  /** The live log; a note never waits. */
  readonly records: RequestLog;
  /** Limits, calls at once and totals, over all processes. */
  readonly ephemeral: Ephemeral;
  /** What providers leave of their own limits. */
  readonly headroom: Headroom;
  readonly now: () => number;
  /** Milliseconds of a clock that only goes forward: for durations. */
  readonly elapsed: () => number;
  readonly newId: <Kind extends IdKind>(kind: Kind) => ReturnType<typeof idFrom<Kind>>;
  /** Public origin: the only base of URLs we build (promise 7). */
  readonly origin: string;
  /** Digest of the instance token from the environment; null when the database holds it. */
  readonly adminDigest: string | null;
  /** Whether the SSRF guard would let an address through, as far as its name tells. */
  readonly mayReach: (url: URL) => boolean;
  readonly checkInput: ReturnType<typeof makeInputCheck>;
  /** Runs something nobody waits for; awaited at shutdown, its failure logged. */
  readonly background: (name: string, task: () => Promise<unknown>) => void;
  /** Requests without a valid token that one address may make per minute; 0: any number. */
  readonly addressLimit: number;
  /** Whose `X-Forwarded-For` is believed. */
  readonly trustedProxies: readonly AddressRange[];
  /** Aborted when the server begins to end: what only waits stops then (design §10.17). */
  readonly ending: AbortSignal;
}
