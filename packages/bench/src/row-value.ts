const NAMES = 'Team plan, annual; Support, first class; Licence, perpetual; Device, refurbished; '

/** @returns the row of a product with the given size as JSON: short fields, and a text that fills the rest */
export function rowValue(n: number, bytes: number): Record<string, unknown> {
  const value = {
    productId: `p-${n}`,
    externalId: `ext-${(n * 7_919) % 100_000_000}`,
    category: 'software/subscriptions',
    price: 10 + (n % 990),
    updatedAt: '2026-11-01T00:00:00.000000Z',
    name: '',
  }
  const remaining = Math.max(0, bytes - JSON.stringify(value).length)
  const from = n % NAMES.length
  return { ...value, name: NAMES.repeat(Math.ceil((from + remaining) / NAMES.length)).slice(from, from + remaining) }
}
