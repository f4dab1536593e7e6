// Says of an IP address whether it is on the public internet. Everything not known to be public is refused.

/** Why an address is not public, or that it is. */
export type AddressVerdict =
  | "public"
  | "unspecified"
  | "loopback"
  | "private"
  | "shared"
  | "link_local"
  | "unique_local"
  | "multicast"
  | "benchmark"
  | "documentation"
  | "metadata"
  | "embedded"
  | "reserved"
  | "malformed";

/** An address range as an operator writes it: `10.0.0.0/8`. */
export interface AddressRange {
  readonly address: string;
  readonly prefix: number;
}

interface Address {
  readonly width: 32 | 128;
  readonly value: bigint;
}

function parseV4(text: string): bigint | undefined {
  if (!/^\d{1,3}(?:\.\d{1,3}){3}$/.test(text)) return undefined;
  let value = 0n;
  for (const part of text.split(".")) {
    if (Number(part) > 255) return undefined;
    value = (value << 8n) | BigInt(Number(part));
  }
  return value;
}

function parseGroups(text: string): readonly bigint[] | undefined {
  if (text === "") return [];
  const groups: bigint[] = [];
  const parts = text.split(":");
  for (const [index, part] of parts.entries()) {
    const dotted = index === parts.length - 1 ? parseV4(part) : undefined;
    if (dotted !== undefined) groups.push(dotted >> 16n, dotted & 0xffffn);
    else if (/^[0-9a-f]{1,4}$/i.test(part)) groups.push(BigInt(`0x${part}`));
    else return undefined;
  }
  return groups;
}

function parseV6(text: string): bigint | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const head = parseGroups(halves[0] ?? "");
  const tail = parseGroups(halves[1] ?? "");
  if (head === undefined || tail === undefined) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const groups = [...head, ...Array.from({ length: missing }, () => 0n), ...tail];
  return groups.reduce((value, group) => (value << 16n) | group, 0n);
}

function parseAddress(text: string): Address | undefined {
  const v4 = parseV4(text);
  if (v4 !== undefined) return { width: 32, value: v4 };
  // A zone (`fe80::1%eth0`) names an interface, not another address.
  const v6 = parseV6(text.replace(/%.*$/, ""));
  return v6 === undefined ? undefined : { width: 128, value: v6 };
}

function isWithin(address: Address, range: Address, prefix: number): boolean {
  const shift = BigInt(range.width - prefix);
  return address.width === range.width && address.value >> shift === range.value >> shift;
}

function row(cidr: string, verdict: AddressVerdict) {
  const [text = "", prefix = ""] = cidr.split("/");
  return { range: parseAddress(text) ?? { width: 32, value: 0n }, prefix: Number(prefix), verdict } as const;
}

// IANA special-purpose registries (RFC 6890 and updates), first match wins. The metadata services of clouds come first:
// some of them live in ranges an operator may well open, and Azure's (168.63.129.16) in public space.
const table = [
  row("169.254.169.254/32", "metadata"),
  row("169.254.170.2/32", "metadata"),
  row("100.100.100.200/32", "metadata"),
  row("192.0.0.192/32", "metadata"),
  row("168.63.129.16/32", "metadata"),
  row("fd00:ec2::/32", "metadata"),
  row("fd20:ce::/32", "metadata"),
  row("0.0.0.0/8", "unspecified"),
  row("10.0.0.0/8", "private"),
  row("100.64.0.0/10", "shared"),
  row("127.0.0.0/8", "loopback"),
  row("169.254.0.0/16", "link_local"),
  row("172.16.0.0/12", "private"),
  row("192.0.0.0/24", "reserved"),
  row("192.0.2.0/24", "documentation"),
  row("192.88.99.0/24", "embedded"),
  row("192.168.0.0/16", "private"),
  row("198.18.0.0/15", "benchmark"),
  row("198.51.100.0/24", "documentation"),
  row("203.0.113.0/24", "documentation"),
  row("224.0.0.0/4", "multicast"),
  row("240.0.0.0/4", "reserved"),
  row("0.0.0.0/0", "public"),
  row("::/128", "unspecified"),
  row("::1/128", "loopback"),
  // Addresses that carry an IPv4 address and reach it through a translator or tunnel: compatible, mapped, translated,
  // NAT64, Teredo, 6to4.
  row("::/96", "embedded"),
  row("::ffff:0:0/96", "embedded"),
  row("::ffff:0:0:0/96", "embedded"),
  row("64:ff9b::/96", "embedded"),
  row("64:ff9b:1::/48", "embedded"),
  row("2001::/32", "embedded"),
  row("2002::/16", "embedded"),
  row("2001:2::/48", "benchmark"),
  row("2001:db8::/32", "documentation"),
  row("3fff::/20", "documentation"),
  row("2001::/23", "reserved"),
  row("2000::/3", "public"),
  row("fc00::/7", "unique_local"),
  row("fe80::/10", "link_local"),
  row("fec0::/10", "private"),
  row("ff00::/8", "multicast"),
] as const;

/** What kind of address this is. Anything unknown is `reserved`, anything that is no address `malformed`. */
export function addressVerdict(ip: string): AddressVerdict {
  const address = parseAddress(ip);
  if (address === undefined) return "malformed";
  return table.find(({ range, prefix }) => isWithin(address, range, prefix))?.verdict ?? "reserved";
}

/** Whether the range makes sense: an address of either family and a prefix that fits it. */
export function isRange(range: AddressRange): boolean {
  const address = parseAddress(range.address);
  return address !== undefined && Number.isInteger(range.prefix) && range.prefix >= 0 && range.prefix <= address.width;
}

/** Whether the address lies in one of the ranges. An IPv4 range never covers an IPv6 spelling of the same address. */
export function isCovered(ip: string, ranges: readonly AddressRange[]): boolean {
  const address = parseAddress(ip);
  if (address === undefined) return false;
  return ranges.some((range) => {
    const network = parseAddress(range.address);
    return network !== undefined && isWithin(address, network, range.prefix);
  });
}
