/** A promise that a history breaks. */
export interface Violation {
  /** Its name, as docs/testing.md lists them. */
  readonly law: string
  readonly text: string
  /** The record that it is about. */
  readonly of?: { readonly topic: string; readonly partition: number; readonly offset: number }
}
