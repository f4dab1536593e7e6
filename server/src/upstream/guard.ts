// No connection leaves for an address the operator did not allow; the address checked is the address connected to.
import { lookup as systemLookup } from "node:dns/promises";
import type { LookupFunction, Socket } from "node:net";
import { isIP } from "node:net";
import { buildConnector } from "undici";
import type { AddressRange } from "../rules/addresses.ts";
import { addressVerdict, isCovered, isRange } from "../rules/addresses.ts";

/** What the operator opened (`BEHALF_ALLOW_UPSTREAM`). */
export interface Allowed {
  /** `host:port` exactly as in the URL (`[::1]:9100` for IPv6), with the port also where it is the scheme's own. */
  readonly hosts: readonly string[];
  readonly ranges: readonly AddressRange[];
}

/** All addresses of a name. */
export type Lookup = (hostname: string) => Promise<readonly string[]>;

export interface Guard {
  /**
   * The check at configuration time, without DNS: scheme, user info, literals. A name is looked at again, with its
   * addresses, whenever a connection is made.
   */
  mayName(url: URL): "ok" | "blocked";
  /** For undici: opens the connection or fails with an error whose `code` is `blockedCode`. */
  readonly connect: buildConnector.connector;
}

/** The `code` of an error that means the guard said no; outcome.ts reads it. */
export const blockedCode = "BEHALF_BLOCKED";

function blocked(what: string): Error {
  return Object.assign(new Error(`The address is not allowed: ${what}`), { code: blockedCode });
}

function hostKey(protocol: string, hostname: string, port: string): string {
  const bracketed = isIP(hostname) === 6 ? `[${hostname}]` : hostname;
  return `${bracketed.toLowerCase()}:${port === "" ? defaultPorts[protocol] : port}`;
}

const defaultPorts: Readonly<Record<string, string>> = { "http:": "80", "https:": "443" };

type AddressRule = (ip: string) => boolean;

/** undici's own connector, with a `lookup` that only ever hands out addresses the rule admits. */
function fencedConnector(admits: AddressRule, lookup: Lookup, timeout: number): buildConnector.connector {
  const fencedLookup: LookupFunction = (hostname, options, tell) => {
    lookup(hostname).then(
      (found) => {
        const good = found.filter(admits).map((address) => ({ address, family: isIP(address) }));
        const [first] = good;
        if (first === undefined) tell(found.length === 0 ? noAddress(hostname) : blocked(hostname), []);
        else if (options.all === true) tell(null, good);
        else tell(null, first.address, first.family);
      },
      (cause: unknown) => tell(cause instanceof Error ? cause : noAddress(hostname), []),
    );
  };
  const open = buildConnector({ allowH2: false, timeout, lookup: fencedLookup, autoSelectFamily: true, port: 0 });
  return (options, callback) => {
    // Node never calls `lookup` for a literal, so literals are checked here.
    if (isIP(options.hostname) !== 0 && !admits(options.hostname)) {
      callback(blocked(options.hostname), null);
      return;
    }
    open(options, (...answer) => {
      const [error, socket] = answer;
      if (error !== null) callback(error, null);
      else if (reachedAddress(socket, admits)) callback(null, socket);
      else {
        socket.destroy();
        callback(blocked(`${options.hostname} at ${socket.remoteAddress ?? "an unknown address"}`), null);
      }
    });
  };
}

function noAddress(hostname: string): Error {
  return Object.assign(new Error(`No address for ${hostname}`), { code: "ENOTFOUND" });
}

function reachedAddress(socket: Socket, admits: AddressRule): boolean {
  return socket.remoteAddress !== undefined && admits(socket.remoteAddress);
}

/** What even a host opened by name may not resolve to: whoever runs its DNS could point it at the machine's own keys. */
const neverByName: readonly string[] = ["metadata", "link_local", "multicast", "malformed"];

async function resolve(hostname: string): Promise<readonly string[]> {
  const found = await systemLookup(hostname, { all: true });
  return found.map(({ address }) => address);
}

/** Makes the guard. Throws when a range is malformed: a fence with a hole must not start. */
export function makeGuard(allowed: Allowed, lookup: Lookup = resolve, connectTimeoutMs = 10_000): Guard {
  const bad = allowed.ranges.find((range) => !isRange(range));
  if (bad !== undefined) throw new TypeError(`Not an address range: ${bad.address}/${bad.prefix}`);
  const hosts = new Set(allowed.hosts.map((host) => host.toLowerCase()));
  const isOpened: AddressRule = (ip) => isCovered(ip, allowed.ranges);
  const isPublicOrOpened: AddressRule = (ip) => isOpened(ip) || addressVerdict(ip) === "public";
  const mayBeNamed: AddressRule = (ip) => isOpened(ip) || !neverByName.includes(addressVerdict(ip));

  const secure = fencedConnector(isPublicOrOpened, lookup, connectTimeoutMs);
  // In clear text a token is readable on the way: only to what the operator opened.
  const clear = fencedConnector(isOpened, lookup, connectTimeoutMs);
  const named = fencedConnector(mayBeNamed, lookup, connectTimeoutMs);
  const literal = fencedConnector(() => true, lookup, connectTimeoutMs);

  return {
    mayName(url) {
      if (!(url.protocol in defaultPorts) || url.username !== "" || url.password !== "") return "blocked";
      const hostname = url.hostname.replace(/^\[(.*)\]$/, "$1");
      if (hosts.has(hostKey(url.protocol, hostname, url.port))) return "ok";
      const admits = url.protocol === "https:" ? isPublicOrOpened : isOpened;
      const literals = /(?:^|\.)localhost\.?$/.test(hostname) ? ["127.0.0.1", "::1"] : [hostname].filter(isIP);
      if (literals.length > 0) return literals.some(admits) ? "ok" : "blocked";
      // A name in clear text may still turn out to lie in an opened range; without any it cannot.
      return url.protocol === "https:" || allowed.ranges.length > 0 ? "ok" : "blocked";
    },
    connect(options, callback) {
      const isNamed = hosts.has(hostKey(options.protocol, options.hostname, options.port));
      const byName = isIP(options.hostname) === 0 ? named : literal;
      const unnamed = options.protocol === "https:" ? secure : clear;
      (isNamed ? byName : unnamed)(options, callback);
    },
  };
}
