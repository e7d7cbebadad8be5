/** The result of one scenario. */
export type Verdict =
  | { readonly type: 'ok' }
  | { readonly type: 'not ok'; readonly difference: string }
  | { readonly type: 'not supported'; readonly feature: string }

export const OK: Verdict = { type: 'ok' }

export const notSupported = (feature: string): Verdict => ({ type: 'not supported', feature })

/** The outcome differs from the expectation. */
export class Difference extends Error {}

/** @throws Difference with both values, unless they are equal */
export function expectEqual(actual: unknown, expected: unknown, what: string): void {
  const [a, e] = [canonical(actual), canonical(expected)]
  if (a !== e) throw new Difference(`${what}: expected ${e}, got ${a}`)
}

/** @returns a value as JSON, with the fields of objects in alphabetical order */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  )
}
