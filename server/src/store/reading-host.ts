// Runs the worker of reading-worker.ts: started when it is first needed, started again when it died.
import { Worker } from "node:worker_threads";
import type { Question } from "./reading.ts";

export interface WorkerFiles {
  readonly main: string;
  readonly requests: string;
}

type Job =
  /** A slice of a batch, which is written with the last. */
  | { readonly kind: "write"; readonly rows: string; readonly isLast: boolean; readonly now: number }
  | { readonly kind: "erase"; readonly now: number }
  | { readonly kind: "ask"; readonly question: Question };
export type ToWorker = Job & { readonly id: number };

export type FromWorker =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: { readonly name: string; readonly message: string; readonly code: string } };

export interface HostPowers {
  /** The module of the worker: `.ts` in a checkout, `.js` in a build. */
  readonly worker: URL;
  readonly files: WorkerFiles;
  readonly warn: (message: string, fields: Readonly<Record<string, unknown>>) => void;
}

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** One that dies at once again would otherwise be started as fast as calls come. */
const restMs = 1000;
/** A question that runs wild ends the worker, not the server. */
const heapMaxMb = 512;

export class ReadingHost {
  readonly #powers: HostPowers;
  readonly #waiting = new Map<number, Waiting>();
  #worker: Worker | undefined;
  #started = Number.NEGATIVE_INFINITY;
  #next = 1;
  #isClosed = false;

  constructor(powers: HostPowers) {
    this.#powers = powers;
  }

  get isRunning(): boolean {
    return this.#worker !== undefined;
  }

  async run(job: Job): Promise<unknown> {
    const rest = this.#worker === undefined ? this.#started + restMs - performance.now() : 0;
    if (rest > 0) await new Promise((resolve) => setTimeout(resolve, rest));
    if (this.#isClosed) throw failure("closed", "The live log is closed");
    const worker = (this.#worker ??= this.#start());
    const id = this.#next;
    this.#next += 1;
    const result = new Promise<unknown>((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
    // Only an answer that somebody waits for keeps the process from ending.
    worker.ref();
    worker.postMessage({ ...job, id } satisfies ToWorker);
    return result;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#worker?.terminate();
  }

  #start(): Worker {
    this.#started = performance.now();
    const { worker: module, files } = this.#powers;
    const worker = new Worker(module, {
      name: "behalf-reading",
      workerData: files,
      resourceLimits: { maxOldGenerationSizeMb: heapMaxMb },
    });
    let cause: unknown;
    worker.on("message", (message: FromWorker) => this.#settle(message));
    worker.on("error", (error) => void (cause = error));
    worker.on("exit", () => this.#died(worker, cause));
    return worker;
  }

  #settle(message: FromWorker): void {
    const waiting = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    if (this.#waiting.size === 0) this.#worker?.unref();
    if ("error" in message) waiting?.reject(failure(message.error.code, message.error.message, message.error.name));
    else waiting?.resolve(message.value);
  }

  #died(worker: Worker, cause: unknown): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    const left = [...this.#waiting.values()];
    this.#waiting.clear();
    if (!this.#isClosed) {
      this.#powers.warn("The worker of the live log died; it starts again when it is needed", {
        waiting: left.length,
        error: cause,
      });
    }
    for (const { reject } of left) reject(failure("worker_died", "The worker of the live log died"));
  }
}

function failure(code: string, message: string, name = "Error"): Error {
  return Object.assign(new Error(message), { name, code });
}
