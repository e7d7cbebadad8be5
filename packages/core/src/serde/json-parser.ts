import { JoineryError } from '../errors.js'
import { pathText } from './json-path.js'

/** Options of {@link JsonParser}. */
export interface JsonParserOptions {
  /** Whether integers beyond 2^53 become bigints. */
  readonly bigints: boolean
  /** The error of `JSON.parse`, which becomes the cause of this parser's. */
  readonly cause?: unknown
}

const NUMBER = /-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/y
/** The smallest number that `JSON.stringify` writes with an exponent. */
const FIRST_WITH_EXPONENT = 1e21
const LOSES_DIGITS =
  'is an integer beyond 2^53, where numbers lose digits: set json({ bigints: true }), which decodes such integers to bigint, or write it as a string'
const LOSES_FRACTION = 'has a fraction and is beyond 2^53, where numbers lose digits: write it as a string'
const ESCAPE = /\\(?:["\\/bfnrt]|u[\da-fA-F]{4})/y
const SPACE = /[ \t\n\r]*/y
const WORDS: readonly (readonly [string, unknown])[] = [
  ['true', true],
  ['false', false],
  ['null', null],
]

type Container = unknown[] | Record<string, unknown>

/**
 * Parses JSON as `JSON.parse` does, but knows where it is, and reads numbers exactly. It is for what `JSON.parse` has
 * refused, or may have read inexactly: it is many times slower. Without recursion, so that it works with any depth.
 */
export class JsonParser {
  readonly #source: string
  readonly #options: JsonParserOptions
  #at = 0
  /** Where the current value is: one key or index for each container around it. */
  readonly #path: (string | number)[] = []

  constructor(source: string, options: JsonParserOptions) {
    this.#source = source
    this.#options = options
  }

  /**
   * @returns the value
   * @throws JoineryError `DECODE_FAILED` with the position, counted in characters, and the path
   */
  parse(): unknown {
    const around: Container[] = []
    for (;;) {
      const begun = this.#begin()
      if (begun === 'array' || begun === 'object') {
        around.push(begun === 'array' ? [] : {})
        this.#path.push(begun === 'array' ? 0 : this.#key())
        continue
      }
      let { value } = begun
      let outer = around.at(-1)
      while (outer !== undefined && this.#endsWith(outer, value)) {
        value = around.pop()
        outer = around.at(-1)
      }
      if (outer !== undefined) continue
      if (this.#next() !== undefined) this.#fail('expected the end')
      return value
    }
  }

  /** Begins a container that is not empty, or reads any other value. */
  #begin(): 'array' | 'object' | { readonly value: unknown } {
    const first = this.#next()
    if (first === '[' || first === '{') {
      this.#at++
      if (this.#next() !== (first === '[' ? ']' : '}')) return first === '[' ? 'array' : 'object'
      this.#at++
      return { value: first === '[' ? [] : {} }
    }
    if (first === '"') return { value: this.#string() }
    const word = WORDS.find(([text]) => this.#source.startsWith(text, this.#at))
    if (word !== undefined) {
      this.#at += word[0].length
      return { value: word[1] }
    }
    return { value: this.#number() }
  }

  /**
   * Puts a value into the array or object around it.
   *
   * @returns whether that ends here; otherwise another value follows
   */
  #endsWith(outer: Container, value: unknown): boolean {
    const key = this.#path.at(-1) as string | number
    ;(outer as Record<string | number, unknown>)[key] = value // a key __proto__ was refused before, or will be
    const end = Array.isArray(outer) ? ']' : '}'
    const found = this.#next()
    if (found !== ',' && found !== end) this.#fail(`expected ',' or '${end}'`)
    this.#at++
    this.#path.pop()
    if (found === end) return true
    this.#path.push(typeof key === 'number' ? key + 1 : this.#key())
    return false
  }

  #key(): string {
    if (this.#next() !== '"') this.#fail('expected a key in double quotes')
    const key = this.#string()
    if (this.#next() !== ':') this.#fail("expected ':'")
    this.#at++
    return key
  }

  #string(): string {
    const begin = this.#at++
    for (;;) {
      const character = this.#source[this.#at]
      if (character === undefined) this.#fail('expected the end of a string')
      if (character === '"') break
      if (character < ' ') this.#fail(`expected the control character U+${hex(character)} of a string to be escaped`)
      ESCAPE.lastIndex = this.#at
      if (character !== '\\') this.#at++
      else if (ESCAPE.test(this.#source)) this.#at = ESCAPE.lastIndex
      else this.#fail('expected an escape that JSON has')
    }
    this.#at++
    return JSON.parse(this.#source.slice(begin, this.#at)) as string
  }

  #number(): number | bigint {
    NUMBER.lastIndex = this.#at
    const found = NUMBER.exec(this.#source)
    if (found === null) return this.#fail('expected a value')
    const [text, fraction, exponent] = found
    const value = Number(text)
    if (!Number.isFinite(value)) this.#refuse('is too large for a number: write it as a string')
    const isWhole = fraction === undefined && exponent === undefined
    // from 1e21 on, numbers are written with an exponent, and are not meant as integers
    if (!Number.isSafeInteger(value) && Number.isInteger(value) && (isWhole || Math.abs(value) < FIRST_WITH_EXPONENT)) {
      const exact = exactInteger(text)
      if (exact === undefined) return this.#refuse(LOSES_FRACTION)
      if (!this.#options.bigints) this.#refuse(LOSES_DIGITS)
      this.#at += text.length
      return exact
    }
    this.#at += text.length
    return value
  }

  /** @returns the next character that is not white space; `undefined` at the end */
  #next(): string | undefined {
    SPACE.lastIndex = this.#at
    SPACE.test(this.#source)
    this.#at = SPACE.lastIndex
    return this.#source[this.#at]
  }

  #fail(expected: string): never {
    const { length } = this.#source
    const where = this.#at < length ? `at position ${this.#at} of ${length}` : `at the end, position ${length}`
    this.#throw(`the bytes are not valid JSON: ${expected} ${where} (${pathText(this.#path)})`)
  }

  #refuse(why: string): never {
    this.#throw(`the value at ${pathText(this.#path)} (position ${this.#at}) ${why}`)
  }

  #throw(message: string): never {
    throw new JoineryError('DECODE_FAILED', message, { cause: this.#options.cause })
  }
}

/** @returns the value of a number literal; `undefined` if it is not an integer */
function exactInteger(text: string): bigint | undefined {
  const [mantissa = '', exponent = '0'] = text.toLowerCase().split('e')
  const [whole = '', fraction = ''] = mantissa.split('.')
  const digits = whole + fraction
  const zeros = Number(exponent) - fraction.length
  if (zeros >= 0) return BigInt(digits + '0'.repeat(zeros))
  const isInteger = /^0*$/.test(digits.slice(zeros))
  return isInteger ? BigInt(digits.slice(0, zeros)) : undefined
}

const hex = (character: string): string => character.charCodeAt(0).toString(16).padStart(4, '0').toUpperCase()
