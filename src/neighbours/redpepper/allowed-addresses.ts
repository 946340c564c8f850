import { BlockList, isIP } from 'node:net';

/** Addresses and ranges, such as `127.0.0.1`, `10.0.0.0/8`, `2001:db8::/32`. */
export class AllowedAddresses {
  readonly #list = new BlockList();

  /** Throws TypeError for what is no address and no range. */
  constructor(ranges: readonly string[]) {
    for (const range of ranges) this.#add(range);
  }

  /** Whether a peer may come from there. An IPv4 address may be written as `::ffff:10.0.0.1`. */
  has(address: string | undefined): boolean {
    const family = address === undefined ? 0 : isIP(address);
    if (address === undefined || family === 0) return false;
    return this.#list.check(address, family === 6 ? 'ipv6' : 'ipv4');
  }

  #add(range: string): void {
    const [address = '', prefix, ...more] = range.split('/');
    const family = isIP(address);
    const bits = family === 6 ? 128 : 32;
    const length = prefix === undefined ? bits : /^\d{1,3}$/.test(prefix) ? Number(prefix) : Number.NaN;
    if (family === 0 || !(length <= bits) || more.length > 0)
      throw new TypeError(`${range} is no address and no range`);
    this.#list.addSubnet(address, length, family === 6 ? 'ipv6' : 'ipv4');
  }
}
