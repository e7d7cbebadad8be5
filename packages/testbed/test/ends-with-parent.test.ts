import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { beforeAll, expect, it } from 'vitest'
import { bundle } from '../src/bundle.js'

let program: string
beforeAll(async () => {
  program = await bundle(fileURLToPath(new URL('./fixtures/parent.ts', import.meta.url)))
})

it.each(['SIGINT', 'SIGTERM', 'SIGKILL'] as const)(
  'what a process started does not outlive its %s',
  async (signal) => {
    const parent = spawn(process.execPath, [program], { stdio: ['ignore', 'pipe', 'inherit'] })
    const [line] = await once(parent.stdout, 'data')
    expect(String(line)).toBe('running\n')
    parent.kill(signal)
    // the pipe is the child's too: it ends when nobody holds it any more
    await once(parent.stdout.resume(), 'end')
  },
  20_000,
)
