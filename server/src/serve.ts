// `behalf serve`: listens until a signal ends it, and says at the start what is there, what is missing and what to do.
import type { Config } from "./config.ts";
import { keysPath } from "./keys-file.ts";
import { type Running, start, systemWorld } from "./start.ts";

/** `command` is how the reader would type `behalf`. */
export async function serve(config: Config, command: string): Promise<number> {
  const running = await start(config, systemWorld(config));
  const ended = new Promise<void>((resolve) => {
    const stop = (): void => {
      running.stop().then(resolve, (error: unknown) => {
        process.stderr.write(`behalf: ${error instanceof Error ? error.message : "could not end cleanly"}\n`);
        resolve();
      });
    };
    // npm forwards a signal that its process group got as well: the second one must not cut the drain short.
    process.on("SIGTERM", stop);
    process.on("SIGINT", stop);
  });
  const projects = await running.behalf.house.store.projects.ids();
  const parts = [
    whereabouts(config, running),
    firstToken(config, running, command),
    missing(projects.length, running.origin),
    warning(running.origin),
  ].filter((lines) => lines.length > 0);
  const text = parts.map((lines) => `${lines.map((line) => (line === "" ? "" : `  ${line}`)).join("\n")}\n`);
  process.stdout.write(`\n${text.join("\n")}\n`);
  await ended;
  return 0;
}

function whereabouts({ database }: Config, { origin }: Running): readonly string[] {
  return [
    `Behalf listens on ${origin}  (${database.kind === "sqlite" ? `SQLite in ${database.file}` : "PostgreSQL"})`,
    "",
    `Open                      ${origin}/`,
    `Redirect URI to register  ${origin}/oauth/callback`,
  ];
}

function firstToken({ database }: Config, running: Running, command: string): readonly string[] {
  if (running.firstToken === undefined) return [];
  return [
    "First admin token, shown this once:",
    `  ${running.firstToken}`,
    `Lost it? On this host, ${command} tokens create --admin makes another.`,
    ...(database.kind === "sqlite"
      ? [`Back up ${keysPath(database.file)} with the database: without it nothing sealed opens again.`]
      : []),
  ];
}

function missing(projects: number, origin: string): readonly string[] {
  return projects > 0
    ? []
    : ["Missing: a project, and in it a connection to GitHub.", `The first calls are written out at ${origin}/`];
}

function warning(origin: string): readonly string[] {
  const isSafe = origin.startsWith("https:") || /^http:\/\/(127\.|localhost|\[::1\])/.test(origin);
  return isSafe ? [] : ["Warning: BEHALF_URL is not https; browsers and agents would send secrets in clear."];
}
