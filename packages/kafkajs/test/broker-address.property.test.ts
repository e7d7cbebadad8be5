import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { brokerAddressText, parseBrokerAddress } from '../src/broker-address.js'

const host = fc.oneof(fc.domain(), fc.ipV4(), fc.ipV6(), fc.constantFrom('localhost', 'kafka_1'))
const port = fc.integer({ min: 1, max: 65_535 })

describe('any address of a broker', () => {
  it('is the same after it was written as text and read again', () => {
    fc.assert(
      fc.property(fc.record({ host, port }, { noNullPrototype: true }), (address) => {
        expect(parseBrokerAddress(brokerAddressText(address))).toEqual(address)
      }),
    )
  })

  it('is a host without delimiters and a valid port, whatever the text was', () => {
    const part = fc.constantFrom('a', '7', 'f', ':', '::', '[', ']', '.', '/', ' ', '@', '9092', ':9092', 'é')
    fc.assert(
      fc.property(fc.array(part, { maxLength: 8 }), (parts) => {
        const text = parts.join('')
        const address = parseBrokerAddress(text)
        if (address === undefined) return
        expect(address.host).toMatch(/^[^\s/@[\]]+$/)
        expect(address.port).toBeGreaterThanOrEqual(1)
        expect(address.port).toBeLessThanOrEqual(65_535)
        expect(parseBrokerAddress(brokerAddressText(address))).toEqual(address)
      }),
      { numRuns: 2_000 },
    )
  })
})
