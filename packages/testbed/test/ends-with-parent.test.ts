import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { beforeAll, expect, it } from 'vitest'
import { bundle } from '../src/bundle.js'

const isAlive = (pid: number) => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
const firstLine = async ({ stdout }: ChildProcess) => {
  const [line] = await once(createInterface(stdout as NonNullable<typeof stdout>), 'line')
  return Number(line)
}

let program: string
beforeAll(async () => {
  program = await bundle(fileURLToPath(new URL('./fixtures/parent.ts', import.meta.url)))
})

it.each(['SIGINT', 'SIGTERM', 'SIGKILL'] as const)('what a process started does not outlive its %s', async (signal) => {
  const parent = spawn(process.execPath, [program], { stdio: ['ignore', 'pipe', 'inherit'] })
  const child = await firstLine(parent)
  expect(isAlive(child)).toBe(true)
  parent.kill(signal)
  await expect.poll(() => isAlive(child), { timeout: 10_000 }).toBe(false)
})
