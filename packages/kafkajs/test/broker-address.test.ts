import { describe, expect, it } from 'vitest'
import { brokerAddressText, parseBrokerAddress } from '../src/broker-address.js'

describe('the address of a broker', () => {
  it.each([
    ['localhost:9092', 'localhost', 9092],
    ['kafka-1.example.com:1', 'kafka-1.example.com', 1],
    ['kafka_1:65535', 'kafka_1', 65_535],
    ['10.0.0.7:9092', '10.0.0.7', 9092],
    ['[::1]:9092', '::1', 9092],
    ['[2001:DB8::7]:9092', '2001:DB8::7', 9092],
    ['[::ffff:10.0.0.7]:9092', '::ffff:10.0.0.7', 9092],
    ['::1:9092', '::1', 9092],
    ['2001:db8::7:9092', '2001:db8::7', 9092],
    ['xn--bcher-kva.example:9092', 'xn--bcher-kva.example', 9092],
  ])('%s is a host and a port', (text, host, port) => {
    expect(parseBrokerAddress(text)).toEqual({ host, port })
  })

  it.each([
    'localhost',
    'localhost:',
    ':9092',
    'localhost:0',
    'localhost:65536',
    'localhost:99999',
    'localhost:123456',
    'localhost:-1',
    'localhost:9092.5',
    'localhost:9o92',
    'localhost:9092/',
    'localhost:9092 ',
    ' localhost:9092',
    'local host:9092',
    'localhost:9092\n',
    'localhost:9092,localhost:9093',
    'a:9092,b',
    'kafka://localhost:9092',
    'PLAINTEXT://localhost:9092',
    'user@localhost:9092',
    'localhost:9092:9093',
    '[::1]',
    '[::1:9092',
    '::1]:9092',
    '[localhost]:9092',
    '[]:9092',
    '[::1]]:9092',
    'example:com:9092',
    '',
    undefined,
    null,
    9092,
    {},
    ['localhost:9092'],
  ])('%j is none', (text) => {
    expect(parseBrokerAddress(text)).toBeUndefined()
  })

  it('has brackets in text if it is an IPv6 address', () => {
    expect(brokerAddressText({ host: '::1', port: 9092 })).toBe('[::1]:9092')
    expect(brokerAddressText({ host: '10.0.0.7', port: 9092 })).toBe('10.0.0.7:9092')
  })
})
