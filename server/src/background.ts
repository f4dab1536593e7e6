// What a process does beside its requests: work that nobody waits for, and the collection of garbage.
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { Log } from "./log.ts";

type Collect = (what: { readonly type: "minor" } | { readonly type: "major"; readonly flavor: "last-resort" }) => void;

/** Asks for a collection: of young garbage, about a millisecond, or of everything. Node offers no other way. */
export function makeCollector(): Collect {
  let collect: Collect | undefined;
  return (what) => {
    if (collect === undefined) {
      setFlagsFromString("--expose-gc");
      collect = runInNewContext("gc") as Collect;
      setFlagsFromString("--no-expose-gc");
    }
    collect(what);
  };
}

export interface Background {
  /** Runs something nobody waits for; its failure is logged. */
  run(name: string, task: () => Promise<unknown>): void;
  settle(): Promise<void>;
}

export function makeBackground(log: Log): Background {
  const running = new Set<Promise<unknown>>();
  return {
    run(name, task) {
      const work = task()
        .catch((error: unknown) => log.warn("A background task failed", { task: name, error }))
        .finally(() => running.delete(work));
      running.add(work);
    },
    async settle() {
      await Promise.allSettled(running);
    },
  };
}
