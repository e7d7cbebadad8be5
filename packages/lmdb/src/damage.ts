/** Stored bytes are not what was written. */
export class Damage extends Error {}

/** Errors of LMDB that damaged files cause. */
const DAMAGED_CODES = new Set<unknown>([-30797, -30796, -30794, -30793])

/** Whether an error of LMDB, or of this package, says that files are damaged. */
export const isDamage = (error: unknown): boolean =>
  error instanceof Damage || DAMAGED_CODES.has((error as { readonly code?: unknown } | undefined)?.code)
