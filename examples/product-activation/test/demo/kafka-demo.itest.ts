import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, inject, it } from 'vitest'
import type {} from '../../../../packages/testbed/src/vitest-setup.js'
import type { Report } from '../../src/demo/accounting/report.js'

const brokers = inject('brokers')
const DEMO = fileURLToPath(new URL('../../dist/demo.js', import.meta.url))
const ACTIVATIONS = 60

describe('the demo on Kafka', () => {
  it('runs both services as processes, kills service B in a call, and accounts for every call', async () => {
    if (!existsSync(DEMO)) throw new Error('the demo starts its services as built: pnpm run build')
    const args = ['--kafka', brokers.join(','), '--clean', '--json', '--activations', String(ACTIVATIONS)]
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [DEMO, ...args])
    const report = JSON.parse(stdout) as Report
    expect(report).toMatchObject({ ok: true, log: 'kafka', disagreements: [], maxCallsPerActivation: 1 })
    const { accounting, calls, results, inDoubt, resolved } = report
    expect(accounting.in).toBe(ACTIVATIONS)
    expect(accounting.emitted + accounting.deadLettered).toBe(ACTIVATIONS)
    expect({ calls, results }).toEqual({ calls: accounting.emitted, results: accounting.emitted })
    // the call in which it was killed, one that hung, and two connections that were reset
    expect(inDoubt).toBeGreaterThanOrEqual(4)
    expect(resolved).toBe(inDoubt)
    expect(stderr).toContain('service B is killed (SIGKILL)')
  }, 120_000)
})
