import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { JsonParser } from '../../src/serde/json-parser.js'
import { isSafe } from '../../src/serde/json-safety.js'
import { writeJson } from '../../src/serde/json-writer.js'
import { isLossless } from '../../src/serde/lossless.js'

const SETTINGS = { numRuns: 2_000 }

describe('the JSON parser that knows where it is', () => {
  it('parses what JSON.parse parses, to the same values', () => {
    const source = fc
      .tuple(fc.json({ noUnicodeString: false }), fc.constantFrom(0, 1, 3))
      .map(([text, indent]) => JSON.stringify(JSON.parse(text), undefined, indent))
    fc.assert(
      fc.property(source, (text) => {
        const value: unknown = JSON.parse(text)
        fc.pre(!text.includes('__proto__') && isSafe(text, value, 100))
        expect(new JsonParser(text, { bigints: false }).parse()).toStrictEqual(value)
      }),
      SETTINGS,
    )
  })

  it('accepts exactly the texts that JSON.parse accepts', () => {
    const part = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"a"',
      '1',
      '-',
      '.5',
      'e-3',
      'true',
      'null',
      ' ',
      '\\',
      '"',
      '0',
    )
    fc.assert(
      fc.property(
        fc.array(part, { maxLength: 9 }).map((parts) => parts.join('')),
        (text) => {
          const accepts = (parse: () => unknown) => {
            try {
              parse()
              return true
            } catch {
              return false
            }
          }
          expect(accepts(() => new JsonParser(text, { bigints: true }).parse())).toBe(accepts(() => JSON.parse(text)))
        },
      ),
      { numRuns: 20_000 },
    )
  })
})

describe('the JSON writer that refuses to lose anything', () => {
  const value = fc.anything({
    maxDepth: 4,
    withDate: true,
    withNullPrototype: true,
    withBoxedValues: true,
    withSparseArray: true,
  })

  it('writes what JSON.stringify writes, for values that lose nothing', () => {
    fc.assert(
      fc.property(value, (any) => {
        fc.pre(isLossless(any))
        expect(writeJson(any, false)).toBe(JSON.stringify(any))
      }),
      SETTINGS,
    )
  })

  it('writes what JSON.stringify writes, or refuses', () => {
    fc.assert(
      fc.property(value, (any) => {
        let written: string | undefined
        try {
          written = writeJson(any, false)
        } catch (error) {
          expect(error).toMatchObject({ code: 'ENCODE_FAILED' })
          return
        }
        expect(written).toBe(JSON.stringify(any))
      }),
      SETTINGS,
    )
  })
})
