/** What a run of one scenario says. */
export type Verdict =
  | { readonly says: 'ok' }
  | { readonly says: 'not ok'; readonly difference: string }
  | { readonly says: 'not supported'; readonly why: string }

export const OK: Verdict = { says: 'ok' }

export const notSupported = (why: string): Verdict => ({ says: 'not supported', why })

/** Thrown where the outcome differs from the expectation. */
export class Difference extends Error {}

/** Fails with a text that shows both. */
export function expectEqual(actual: unknown, expected: unknown, what: string): void {
  const [a, e] = [canonical(actual), canonical(expected)]
  if (a !== e) throw new Difference(`${what}: expected ${e}, got ${a}`)
}

/** JSON with the fields of objects in one order. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  )
}
