import type { App, Health } from '@joinery/core'
import { describe, expect, it } from 'vitest'
import { startHealthServer } from '../src/health-server.js'

const health: Health = { live: true, ready: true, started: true, state: 'running', problems: [], stalled: [] }
const app = (differing: Partial<Health> = {}) =>
  ({
    health: () => ({ ...health, ...differing }),
    metrics: () => ({ pipelines: {}, tasks: {}, tables: {}, gauges: { tasks: 4 }, counts: {} }),
  }) as unknown as App
const statusOf = async (port: number, path: string) => (await fetch(`http://127.0.0.1:${port}${path}`)).status

describe('the health server', () => {
  it('is live and not ready before there is an application', async () => {
    await using server = await startHealthServer(0)
    expect(await statusOf(server.port, '/live')).toBe(200)
    expect(await statusOf(server.port, '/ready')).toBe(503)
    expect(await statusOf(server.port, '/started')).toBe(503)
  })

  it('reports what the application reports', async () => {
    await using server = await startHealthServer(0)
    server.watch(app({ live: false, ready: false }))
    expect(await statusOf(server.port, '/live')).toBe(503)
    expect(await statusOf(server.port, '/ready')).toBe(503)
    server.watch(app())
    expect(await statusOf(server.port, '/live')).toBe(200)
    expect(await statusOf(server.port, '/ready')).toBe(200)
    expect(await statusOf(server.port, '/elsewhere')).toBe(404)
  })

  it('serves the metrics as Prometheus scrapes them', async () => {
    await using server = await startHealthServer(0)
    server.watch(app())
    const response = await fetch(`http://127.0.0.1:${server.port}/metrics`)
    expect(response.headers.get('content-type')).toContain('application/openmetrics-text')
    expect(await response.text()).toContain('joinery_tasks 4')
  })
})
