// The worker of the live log, which dies when a question asks it to: what a crash, a full disk or a full memory do.
import { parentPort } from "node:worker_threads";
import type { ToWorker } from "../../src/store/reading-host.ts";

parentPort?.on("message", (message: ToWorker) => {
  if (message.kind === "ask" && message.question.method === "die") throw new Error("out of luck");
});
await import("../../src/store/reading-worker.ts");
