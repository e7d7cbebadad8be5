import { describe, expect, it } from 'vitest'
import { dockerRun } from '../../src/kafka/docker-broker.js'
import { serverProperties } from '../../src/kafka/server-properties.js'

const place = { port: 29092, clusterId: 'cluster' }

describe('a broker in a container', () => {
  it('listens on the published port, and advertises it to clients', () => {
    const args = dockerRun('kafka-1', place, { properties: { 'message.max.bytes': 5 } })
    expect(args).toEqual(expect.arrayContaining(['--publish', '127.0.0.1:29092:29092', '--name', 'kafka-1']))
    const properties = args.find((arg) => arg.startsWith('PROPERTIES=')) ?? ''
    expect(properties).toContain('listeners=CLIENT://0.0.0.0:29092,')
    expect(properties).toContain('advertised.listeners=CLIENT://127.0.0.1:29092,')
    expect(properties).toContain('message.max.bytes=5\n')
  })

  it('mounts the files that its properties refer to at the same path, read-only', () => {
    const args = dockerRun('kafka-1', place, { files: '/tmp/certificates' })
    expect(args).toEqual(expect.arrayContaining(['--volume', '/tmp/certificates:/tmp/certificates:ro']))
  })

  it('has a second listener for a proxy, and the requested features', () => {
    const args = dockerRun('kafka-1', place, {
      proxied: { port: 29093, advertised: 29094 },
      features: { 'transaction.version': 1 },
    })
    expect(args).toEqual(expect.arrayContaining(['127.0.0.1:29093:29093', 'FEATURES=--feature transaction.version=1']))
    const properties = args.find((arg) => arg.startsWith('PROPERTIES=')) ?? ''
    expect(properties).toMatch(/^listeners=.*,PROXIED:\/\/0\.0\.0\.0:29093$/m)
    expect(properties).toMatch(/^advertised\.listeners=.*,PROXIED:\/\/127\.0\.0\.1:29094$/m)
  })

  it('given properties take precedence over the defaults', () => {
    const text = serverProperties(
      { port: 1, controllerPort: 2, internalPort: 3, data: '/data', bind: '127.0.0.1' },
      { properties: { 'auto.create.topics.enable': true } },
    )
    expect(text.match(/auto\.create\.topics\.enable=.*/g)).toEqual(['auto.create.topics.enable=true'])
  })
})
