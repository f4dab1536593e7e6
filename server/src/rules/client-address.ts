// Whose address a request came from: the connection's, or what proxies that the operator trusts say of it, read from right to left.
import { type AddressRange, isCovered } from "./addresses.ts";

/**
 * `forwarded` is the value of `X-Forwarded-For`. Each proxy appends the address it saw, so the rightmost one that is no trusted
 * proxy itself is the caller: anything to the left of it the caller may have written.
 */
export function clientAddress(remote: string, forwarded: string | undefined, trusted: readonly AddressRange[]): string {
  let address = plain(remote);
  if (forwarded === undefined || !isCovered(address, trusted)) return address;
  for (const hop of forwarded.split(",").toReversed()) {
    const next = plain(hop.trim());
    // What is no address was not written by a proxy: nothing beyond it is believed.
    if (!isAddress(next)) return address;
    address = next;
    if (!isCovered(address, trusted)) return address;
  }
  return address;
}

/** What one household or host is counted as: an IPv4 address, or the /64 of an IPv6 one, of which anybody has 2^64. */
export function addressGroup(address: string): string {
  if (!address.includes(":")) return address;
  const [head = "", tail] = address.split("::");
  const before = head === "" ? [] : head.split(":");
  const after = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros =
    tail === undefined ? [] : Array.from({ length: Math.max(0, 8 - before.length - after.length) }, () => "0");
  return `${[...before, ...zeros, ...after]
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ""))
    .join(":")}::/64`;
}

/** An IPv4 caller of a socket that listens on IPv6 too. */
function plain(address: string): string {
  return address
    .replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, "")
    .replace(/^\[(.*)\](?::\d+)?$/, "$1")
    .replace(/^(\d+\.\d+\.\d+\.\d+):\d+$/, "$1")
    .replace(/%.*$/, "")
    .toLowerCase();
}

function isAddress(text: string): boolean {
  return isCovered(text, everything);
}

const everything: readonly AddressRange[] = [
  { address: "0.0.0.0", prefix: 0 },
  { address: "::", prefix: 0 },
];
