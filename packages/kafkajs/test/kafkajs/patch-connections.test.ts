import { EventEmitter } from 'node:events'
import { describe, expect, it, vi } from 'vitest'
import type { InternalCluster } from '../../src/kafkajs/internals.js'
import { patchConnections } from '../../src/kafkajs/patch-connections.js'

const socket = () => Object.assign(new EventEmitter(), { destroy: vi.fn() })

/** A connection as kafkajs 2.2.4 builds it, as far as it is patched. */
const connection = () => ({
  async open(): Promise<void> {},
  chunks: [] as Buffer[],
  bytesBuffered: 0,
  bytesNeeded: 4,
  connected: false,
  isConnected(): boolean {
    return this.connected
  },
  /** Opens another socket whenever it is called. */
  async connect(): Promise<void> {
    this.socket = socket()
    await this.open()
  },
  send: vi.fn(async (_: unknown): Promise<unknown> => 'answer'),
  socket: socket(),
  requestQueue: { pending: [] as unknown[], destroy() {}, scheduleCheckPendingRequests: vi.fn() },
})
const patched = async <C extends object>(made: C): Promise<C> => {
  const cluster = { connectionPoolBuilder: { build: async () => ({ pool: [made] }) } }
  patchConnections(cluster as unknown as InternalCluster)
  await (cluster as unknown as InternalCluster).connectionPoolBuilder.build({ host: 'h', port: 1, rack: null })
  return made
}

describe('connections that stay kafkajs’ own', () => {
  it('look for requests to send only when there are some', async () => {
    const made = connection()
    const schedule = made.requestQueue.scheduleCheckPendingRequests
    const { requestQueue } = await patched(made)
    requestQueue.scheduleCheckPendingRequests()
    expect(schedule).not.toHaveBeenCalled()
    requestQueue.pending.push('request')
    requestQueue.scheduleCheckPendingRequests()
    expect(schedule).toHaveBeenCalledOnce()
  })

  it('discard the rest of a response when they connect again', async () => {
    const made = await patched(connection())
    Object.assign(made, { chunks: [Buffer.from('half of a body')], bytesBuffered: 14, bytesNeeded: 500 })
    await made.connect()
    expect(made).toMatchObject({ chunks: [], bytesBuffered: 0, bytesNeeded: 4 })
  })

  it('keep what has arrived while they are connected', async () => {
    const made = await patched(connection())
    const chunks = [Buffer.from('half of a body')]
    Object.assign(made, { chunks, bytesBuffered: 14, bytesNeeded: 500, connected: true })
    await made.connect()
    expect(made).toMatchObject({ chunks, bytesBuffered: 14, bytesNeeded: 500 })
  })

  it('end with their client, also if kafkajs no longer refers to them or opens them later, and not twice', async () => {
    const [forgotten, late, gone] = [connection(), connection(), connection()]
    const cluster = { connectionPoolBuilder: { build: async () => ({ pool: [forgotten, late, gone] }) } }
    const end = patchConnections(cluster as unknown as InternalCluster)
    await (cluster as unknown as InternalCluster).connectionPoolBuilder.build({ host: 'h', port: 1, rack: null })
    await forgotten.connect()
    await gone.connect()
    gone.socket.emit('close')
    end()
    await late.connect()
    expect(forgotten.socket.destroy).toHaveBeenCalledOnce()
    expect(late.socket.destroy).toHaveBeenCalledOnce()
    expect(gone.socket.destroy).not.toHaveBeenCalled()
  })

  it('open one socket for all concurrent callers, and another one if that fails', async () => {
    const made = connection()
    const opening = vi.spyOn(made, 'open').mockRejectedValueOnce(new Error('refused'))
    await patched(made)
    const refused = [made.connect(), made.connect()]
    for (const each of refused) await expect(each).rejects.toThrow('refused')
    expect(opening).toHaveBeenCalledOnce()
    await Promise.all([made.connect(), made.connect(), made.connect()])
    expect(opening).toHaveBeenCalledTimes(2)
  })

  it('end with their client while they are being opened', async () => {
    const made = connection()
    const cluster = { connectionPoolBuilder: { build: async () => ({ pool: [made] }) } }
    const end = patchConnections(cluster as unknown as InternalCluster)
    await (cluster as unknown as InternalCluster).connectionPoolBuilder.build({ host: 'h', port: 1, rack: null })
    vi.spyOn(made, 'open').mockReturnValueOnce(new Promise(() => {}))
    made.connect()
    end()
    expect(made.socket.destroy).toHaveBeenCalledOnce()
  })

  it('end when a request times out, and only then', async () => {
    const made = connection()
    const send = made.send
    await patched(made)
    expect(await made.send('request')).toBe('answer')
    send.mockRejectedValueOnce(new Error('the group says no'))
    await expect(made.send('request')).rejects.toThrow('the group says no')
    expect(made.socket.destroy).not.toHaveBeenCalled()
    const late = Object.assign(new Error('too late'), { name: 'KafkaJSRequestTimeoutError' })
    send.mockRejectedValueOnce(late)
    await expect(made.send('request')).rejects.toBe(late)
    expect(made.socket.destroy).toHaveBeenCalledExactlyOnceWith(late)
  })

  it.each([
    ['send', (made: object) => ({ ...made, send: undefined })],
    ['isConnected', (made: object) => ({ ...made, isConnected: undefined })],
    ['chunks', (made: object) => ({ ...made, chunks: undefined })],
    ['scheduleCheckPendingRequests', (made: object) => ({ ...made, requestQueue: { pending: [], destroy() {} } })],
    ['pending', (made: object) => ({ ...made, requestQueue: { destroy() {}, scheduleCheckPendingRequests() {} } })],
  ])('without %s are rejected with that name', async (missing, without) => {
    await expect(patched(without(connection()))).rejects.toMatchObject({
      code: 'CLIENT_UNSUPPORTED',
      message: expect.stringContaining(missing),
    })
  })
})
