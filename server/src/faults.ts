// What goes wrong around a start, as one sentence with a next step. Undefined: a fault of ours, which keeps its stack.
import { ConfigError } from "./config.ts";
import { WrongKeys } from "./vault/keys.ts";

type Coded = Error &
  Partial<Record<"code" | "syscall" | "path" | "address" | "hostname", string>> & {
    readonly port?: number;
    readonly errcode?: number;
  };

export function sentenceFor(error: unknown): string | undefined {
  if (error instanceof ConfigError || error instanceof WrongKeys) return error.message;
  if (!(error instanceof Error)) return undefined;
  if (error.message.startsWith("corrupted migrations: previously executed migration"))
    return "This database belongs to a newer Behalf, and there is no way back: run that version, or restore the backup from before the upgrade.";
  return ofListening(error) ?? ofPostgres(error) ?? ofFiles(error);
}

function ofListening({ code, syscall, address = "", port = 0, hostname = "" }: Coded): string | undefined {
  if (syscall === "getaddrinfo")
    return `No address is known for ${hostname}: check BEHALF_HOST or BEHALF_DATABASE_URL.`;
  if (syscall !== "listen") return undefined;
  if (code === "EADDRINUSE") {
    const other = port < 65_535 ? port + 1 : port - 1;
    return `Port ${port} on ${address} is taken, perhaps by another Behalf. End that one, or choose another port, for example BEHALF_PORT=${other}.`;
  }
  if (code === "EADDRNOTAVAIL") return `This machine has no address ${address}: check BEHALF_HOST.`;
  if (code === "EACCES") {
    return `This user may not listen on port ${port}: choose one above 1023 with BEHALF_PORT, and let a proxy in front listen on ${port}.`;
  }
  return undefined;
}

// Codes of PostgreSQL have five characters; the first two are the class.
const postgresClasses: Readonly<Record<string, string>> = {
  "28": "PostgreSQL refuses the user or the password of BEHALF_DATABASE_URL.",
  "3D": "The database that BEHALF_DATABASE_URL names does not exist: make it first, for example with createdb.",
  "42501": "The user of BEHALF_DATABASE_URL may not make tables there: grant it CREATE on the schema.",
  "53": "PostgreSQL has no connection left for us: raise its max_connections, or end other clients.",
  "57": "PostgreSQL is starting or stopping: try again in a moment.",
};

function ofPostgres({ code = "", syscall }: Coded): string | undefined {
  if (syscall === "connect" || ["ECONNREFUSED", "ETIMEDOUT", "ECONNRESET"].includes(code)) {
    return `PostgreSQL does not answer (${code}): is it running, and are host and port of BEHALF_DATABASE_URL right?`;
  }
  return postgresClasses[code] ?? (/^[0-9A-Z]{5}$/.test(code) ? postgresClasses[code.slice(0, 2)] : undefined);
}

// SQLite's primary result codes.
const sqliteSentences: Readonly<Record<number, string>> = {
  5: "The database file is locked by another process for too long: end that one.",
  8: "The database file cannot be written: give this user the right to write it and its folder.",
  10: "The disk of the database file answers with errors.",
  11: "The database file is damaged: bring it back from your backup.",
  13: "The disk of the database file is full.",
  14: "The database file cannot be opened: BEHALF_DATABASE_URL has to name a file in a folder that this user may write.",
  26: "The file that BEHALF_DATABASE_URL names is no SQLite database: name another.",
};

function ofFiles({ code = "", errcode = 0, syscall = "", path }: Coded): string | undefined {
  if (code === "ERR_SQLITE_ERROR") return sqliteSentences[errcode & 0xff];
  if (!["EACCES", "EPERM", "EROFS", "ENOTDIR", "EEXIST", "ENOSPC"].includes(code) || path === undefined)
    return undefined;
  return `${path} cannot be made or written (${code}, ${syscall}): BEHALF_DATABASE_URL has to name a file in a folder that this user may write.`;
}
