/** A phrase that documents, comments and messages must not contain. */
export interface ProseRule {
  /** A regular expression, matched as whole words, in any case unless it says `exactCase`; a space is any white space. */
  readonly phrase: string
  readonly exactCase?: true
  /** What to write. */
  readonly instead: string
  readonly reason: string
  /** A sentence that the rule refuses. */
  readonly refuses: string
}
