/** Where a broker listens. */
export interface BrokerAddress {
  readonly host: string
  readonly port: number
}

const MAX_PORT = 65_535

/** @returns `host:port` in parts, where an IPv6 address may have brackets; `undefined` for any other text */
export function parseBrokerAddress(text: unknown): BrokerAddress | undefined {
  if (typeof text !== 'string') return undefined
  const [, bracketed, plain, digits] = /^(?:\[([0-9A-Fa-f:.]+)\]|([^\s/@[\]]+)):(\d{1,5})$/.exec(text) ?? []
  const host = bracketed ?? plain
  const port = Number(digits)
  if (host === undefined || port < 1 || port > MAX_PORT) return undefined
  // a colon is a part of IPv6 addresses only; they have at least two
  if (bracketed === undefined && host.includes(':') && !/^[0-9A-Fa-f]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f.]*$/.test(host))
    return undefined
  return { host, port }
}

/** @returns an address as it is written in options */
export const brokerAddressText = ({ host, port }: BrokerAddress): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
