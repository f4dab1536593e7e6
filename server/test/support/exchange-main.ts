// One buffered exchange and one streamed call, in a process that somebody stops meanwhile; prints what became of both.
import { makeForward } from "../../src/upstream/forward.ts";
import { makeGuard } from "../../src/upstream/guard.ts";
import { makeTransport } from "../../src/upstream/transport.ts";

const [base = "", limit = ""] = process.argv.slice(2);
const timeoutMs = Number(limit);
const guard = makeGuard({ hosts: [], ranges: [{ address: "127.0.0.0", prefix: 8 }] });
const transport = makeTransport({ guard, version: "0.0.0-test" });
const forward = makeForward(transport.dispatcher, { idleMs: timeoutMs });

const plain = { method: "GET", headers: [], timeoutMs };
const { signal } = new AbortController();
const [exchange, streamed] = await Promise.all([
  transport.exchange({ ...plain, url: new URL(`${base}/exchange`), headers: {} }),
  forward({ ...plain, base, target: "/forward", body: null, credential: null, signal }),
]);
if (streamed.kind === "answer") streamed.discard();
const told = [exchange, streamed].map((one) => (one.kind === "answer" ? one.status : one.reason));
process.stdout.write(`${JSON.stringify(told)}\n`, () => process.exit(0));
