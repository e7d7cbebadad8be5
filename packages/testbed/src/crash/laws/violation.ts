/** A violated promise. */
export interface Violation {
  /** Its name, as in docs/testing.md. */
  readonly law: string
  readonly text: string
  /** The record concerned. */
  readonly record?: { readonly topic: string; readonly partition: number; readonly offset: number }
}
