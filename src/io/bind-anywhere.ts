/**
 * Binds to an address; all interfaces are those of IPv4 alone where the machine has no IPv6.
 *
 * @param address numeric.
 * @param bind may be called twice.
 */
export async function bindAnywhere<Bound>(
  address: string,
  ipv6Only: boolean,
  bind: (address: string) => Promise<Bound>,
): Promise<Bound> {
  try {
    return await bind(address);
  } catch (error) {
    if (address === '::' && !ipv6Only && isWithoutIpv6(error)) return bind('0.0.0.0');
    throw error;
  }
}

function isWithoutIpv6(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'EAFNOSUPPORT' || code === 'EADDRNOTAVAIL';
}
