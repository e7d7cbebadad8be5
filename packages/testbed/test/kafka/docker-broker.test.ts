import { existsSync } from 'node:fs'
import { copyFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { startDockerBroker } from '../../src/kafka/docker-broker.js'
import { kafkaReadinessProbe } from '../../src/kafka/kafka-readiness-probe.js'
import { waitUntilReady } from '../../src/servers/readiness-probe.js'

const FAKE = fileURLToPath(new URL('../fixtures/docker.cjs', import.meta.url))

describe('a broker from Docker, with a stub of the docker command', () => {
  let folder: string
  const isThere = () => existsSync(join(folder, 'container.json'))

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'joinery-docker-'))
    await copyFile(FAKE, join(folder, 'docker'))
    vi.stubEnv('PATH', `${folder}${delimiter}${process.env.PATH}`)
  })
  afterEach(async () => {
    vi.unstubAllEnvs()
    await rm(folder, { recursive: true, force: true })
  })

  it('starts, is killed, restarts on the same port, and leaves nothing behind', async () => {
    const broker = await startDockerBroker({})
    const port = Number(broker.brokers[0]?.split(':')[1])
    const answers = () => waitUntilReady(kafkaReadinessProbe(port, {}), async () => 'it is not running')
    await answers()
    await broker.kill()
    await expect(answers()).rejects.toThrow('it is not running')
    await broker.restart()
    await answers()
    await broker.stop()
    await expect(answers()).rejects.toThrow('it is not running')
    expect(isThere()).toBe(false)
  }, 30_000)

  it('that does not start reports the end of its log, and leaves nothing behind', async () => {
    vi.stubEnv('FAKE_DOCKER_FAILS', '1')
    await expect(startDockerBroker({})).rejects.toThrow('the last lines of the broker')
    expect(isThere()).toBe(false)
  }, 30_000)
})
