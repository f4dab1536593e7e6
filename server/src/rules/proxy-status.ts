// The status of our own no on a proxied surface: what its clients do with a status decides which one is safe (design §3.2).
import type { Refusal } from "./refusal.ts";

const accountTrouble = /^account_(pending|verifying|expired|revoked|disconnected)$/;

/** A title only where the surface promises another than the catalogue's. */
export interface ProxyStatus {
  readonly status: number;
  readonly title?: string;
}

/**
 * `/proxy` and GitHub's shape answer 403 for an unusable account, since their clients repeat 409 and 5xx.
 * Endpoints answer 502 for anything wrong with the credential, as PromptGate does.
 */
export function proxyStatus(refusal: Refusal, surface: "endpoint" | "proxy" | "github"): ProxyStatus {
  const isCredential = refusal.context.credential === true || accountTrouble.test(refusal.code);
  if (surface === "endpoint")
    return isCredential ? { status: 502, title: "Upstream OAuth connection failed" } : { status: refusal.status };
  return { status: accountTrouble.test(refusal.code) ? 403 : refusal.status };
}
