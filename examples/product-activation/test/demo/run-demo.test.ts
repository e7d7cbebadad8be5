import { produce } from '@joinery/core'
import { describe, expect, it } from 'vitest'
import { type DemoRun, runDemo } from '../../src/demo/run-demo.js'
import { type DemoEnvironment, openMemory } from '../../src/demo/services/environment.js'
import { Terminal } from '../../src/demo/terminal.js'
import { notifications } from '../../src/topics.js'

const run = (options: Partial<DemoRun> & { environment?: DemoEnvironment; written?: string[] } = {}) => {
  const { environment = openMemory(), signal = new AbortController().signal, written = [], atMost = '800ms' } = options
  const terminal = new Terminal({ write: (text) => written.push(text) }, {})
  return runDemo(environment, { activations: 50, atMost, seed: 1, terminal, signal })
}

describe('the demo', () => {
  it('accounts for every activation', async () => {
    const written: string[] = []
    const report = await run({ written })
    expect(report.disagreements).toEqual([])
    const { sent, accounting, calls } = report
    expect(sent.before + sent.soon + sent.late + sent.never).toBe(50)
    expect(accounting.deadLettered).toBeGreaterThanOrEqual(sent.never)
    expect(accounting).toEqual({
      in: 50,
      emitted: 50 - accounting.deadLettered,
      dropped: 0,
      deadLettered: accounting.deadLettered,
      waiting: 0,
    })
    expect(report).toMatchObject({ ok: true, interrupted: false, calls: accounting.emitted, maxCallsPerActivation: 1 })
    expect(report.results).toBe(accounting.emitted)
    // service B was stopped in a call, and the service broke connections
    expect(report.inDoubt).toBeGreaterThanOrEqual(3)
    expect(report.resolved).toBe(report.inDoubt)
    expect(calls).toBe(report.passedAtOnce.count + report.waited.count)
    for (const text of [
      'notified at once',
      'it waits',
      'after it waited',
      'dead letter',
      'ended without closing',
      'in doubt',
    ])
      expect(written.join('')).toContain(text)
  }, 30_000)

  it('notices a notification without an activation', async () => {
    const environment = openMemory()
    await produce(environment.log, notifications, {
      key: 'product-1',
      value: { activationId: 'product-1/999', productId: 'product-1', externalId: 'external-1' },
      headers: [['joinery-origin', Buffer.from('a/b/0/0')]],
    })
    const report = await run({ environment })
    expect(report.ok).toBe(false)
    expect(report.disagreements).toEqual(
      expect.arrayContaining([
        expect.stringContaining('belongs to no activation'),
        expect.stringContaining('in is 50, but'),
        expect.stringContaining(`emitted is ${report.accounting.emitted}`),
      ]),
    )
  }, 30_000)

  it('accounts for what was sent before an interrupt', async () => {
    const interrupt = new AbortController()
    const written: string[] = []
    const push = written.push.bind(written)
    written.push = (...texts) => {
      if (texts.some((text) => text.includes('it waits'))) interrupt.abort()
      return push(...texts)
    }
    const report = await run({ signal: interrupt.signal, written, atMost: '30s' })
    expect(report).toMatchObject({ ok: true, interrupted: true, disagreements: [] })
    const { accounting } = report
    expect(accounting.in).toBeLessThan(50)
    expect(accounting.waiting).toBeGreaterThan(0)
    expect(accounting.in).toBe(accounting.emitted + accounting.deadLettered + accounting.waiting)
  }, 30_000)
})
