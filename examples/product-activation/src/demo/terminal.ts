/** A stream to write to, such as standard output. */
export interface Output {
  write(text: string): unknown
  readonly isTTY?: boolean
  readonly columns?: number
}

export type Colour = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan'

const CODES: Readonly<Record<Colour, number>> = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 }
const ERASE_LINE = '\r\u001b[2K'

/** Lines that stay and, on a terminal, a status line below them that is redrawn. Elsewhere it is plain text. */
export class Terminal {
  readonly isLive: boolean
  readonly #output: Output
  readonly #hasColours: boolean
  #status = ''

  /** Reads `NO_COLOR` and `TERM` from `env`. */
  constructor(output: Output, env: Readonly<Record<string, string | undefined>>) {
    this.#output = output
    this.isLive = output.isTTY === true && env.TERM !== 'dumb'
    this.#hasColours = this.isLive && (env.NO_COLOR ?? '') === ''
  }

  line(text = ''): void {
    this.#output.write(this.#status === '' ? `${text}\n` : `${ERASE_LINE}${text}\n${this.#status}`)
  }

  /** Shows a text in the status line; empty text clears it. */
  status(text: string): void {
    if (!this.isLive) {
      if (text !== '') this.line(text)
      return
    }
    // a line that wraps cannot be erased
    this.#status = text.slice(0, (this.#output.columns ?? 80) - 1)
    this.#output.write(`${ERASE_LINE}${this.#status}`)
  }

  colour(colour: Colour, text: string): string {
    return this.#hasColours ? `\u001b[${CODES[colour]}m${text}\u001b[0m` : text
  }
}

/** Milliseconds in a readable form. */
export function readable(ms: number): string {
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`
}
