import { spawn } from 'node:child_process'
import { on, once } from 'node:events'
import { rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { bundle } from '../../src/bundle.js'

let program: string
beforeAll(async () => {
  program = await bundle(fileURLToPath(new URL('../fixtures/parent.ts', import.meta.url)))
})
afterAll(() => rm(dirname(program), { recursive: true, force: true }))

it.each(['SIGINT', 'SIGTERM', 'SIGKILL'] as const)(
  'a server that a process started does not outlive its %s',
  async (signal) => {
    const parent = spawn(process.execPath, [program], { stdio: ['ignore', 'pipe', 'inherit'] })
    const [line] = await once(parent.stdout, 'data')
    expect(String(line)).toBe('running\n')
    parent.kill(signal)
    // the child inherits the pipe, which ends when no process holds it
    await once(parent.stdout.resume(), 'end')
  },
  20_000,
)

it("a server of a worker does not outlive the worker's parent, even if the worker does", async () => {
  const worker = spawn(process.execPath, [program], { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] })
  const lines = on(createInterface(worker.stdout as NonNullable<typeof worker.stdout>), 'line')
  expect((await lines.next()).value).toEqual(['running'])
  worker.disconnect()
  expect((await lines.next()).value).toEqual(['ended'])
  worker.kill('SIGKILL')
}, 20_000)
