// The status of our own no depends on the surface: an endpoint says 502 for a credential, the other doors 403.
import assert from "node:assert/strict";
import { test } from "node:test";
import { proxyStatus } from "../../src/rules/proxy-status.ts";
import { Refusal, type RefusalCode, refusals } from "../../src/rules/refusal.ts";

const troubles = ["account_pending", "account_verifying", "account_expired", "account_revoked", "account_disconnected"];
const codes = Object.keys(refusals) as RefusalCode[];

test("an endpoint whose account cannot be used is a failed upstream connection, in PromptGate's words", () => {
  for (const code of troubles as RefusalCode[]) {
    assert.deepEqual(proxyStatus(new Refusal(code), "endpoint"), {
      status: 502,
      title: "Upstream OAuth connection failed",
    });
  }
  for (const code of ["connection_misconfigured", "upstream_unavailable"] as const) {
    const failed = new Refusal(code, { credential: true });
    assert.deepEqual(proxyStatus(failed, "endpoint"), { status: 502, title: "Upstream OAuth connection failed" });
    assert.deepEqual(proxyStatus(new Refusal(code), "endpoint"), { status: refusals[code].status });
  }
});

test("the doors whose clients repeat 5xx and 409 say 403 for it", () => {
  for (const surface of ["proxy", "github"] as const) {
    for (const code of troubles as RefusalCode[])
      assert.deepEqual(proxyStatus(new Refusal(code, { credential: true }), surface), { status: 403 });
    const failed = new Refusal("connection_misconfigured", { credential: true });
    assert.deepEqual(proxyStatus(failed, surface), { status: 424 });
  }
});

test("every other refusal keeps the status of the catalogue at every door", () => {
  for (const code of codes.filter((one) => !troubles.includes(one))) {
    for (const surface of ["endpoint", "proxy", "github"] as const)
      assert.deepEqual(proxyStatus(new Refusal(code), surface), { status: refusals[code].status }, code);
  }
});
