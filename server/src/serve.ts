// `behalf serve`: listens until a signal ends it, and says at the start what to do next.
import type { Config } from "./config.ts";
import { type Running, start, systemWorld } from "./start.ts";

export async function serve(config: Config): Promise<number> {
  const running = await start(config, systemWorld(config));
  process.stdout.write(greeting(config, running));
  await new Promise<void>((resolve) => {
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
  return 0;
}

function greeting(config: Config, { origin, firstToken }: Running): string {
  const where = config.database.kind === "sqlite" ? `SQLite in ${config.database.file}` : "PostgreSQL";
  const lines = [
    "",
    `  Behalf listens on ${origin}  (${where})`,
    "",
    `  Open                      ${origin}/`,
    `  Redirect URI to register  ${origin}/oauth/callback`,
    ...(firstToken === undefined
      ? []
      : [
          "",
          "  First admin token, shown this once:",
          `    ${firstToken}`,
          "  Lost it? `behalf tokens create --admin` on this host makes another.",
        ]),
    ...(origin.startsWith("https:") || isLocal(origin)
      ? []
      : ["", "  Warning: BEHALF_URL is not https; browsers and agents would send secrets in clear."]),
    "",
  ];
  return `${lines.join("\n")}\n`;
}

function isLocal(origin: string): boolean {
  return /^http:\/\/(127\.|localhost|\[::1\])/.test(origin);
}
