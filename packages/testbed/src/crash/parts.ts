import { FaultProxy } from '../proxy/fault-proxy.js'
import { freePorts } from '../servers/free-port.js'
import type { Random } from '../simulator/random.js'
import { brokers } from './brokers.js'
import { group } from './group.js'
import { killMatrix } from './kill-matrix.js'
import { partitions } from './partitions.js'
import { OLDER_POINTS, POINTS } from './points.js'
import type { PartResult } from './statistics.js'
import { openTestEnvironment } from './test-environment.js'
import type { StoreLocation } from './worker/worker-stores.js'

/** The transaction protocol before KIP-890 part 2. */
const OLDER = { features: { 'transaction.version': 1 } }

/** Runs a part, with stores in any of these locations. */
type RunPart = (random: Random, storeLocations: readonly StoreLocation[]) => Promise<PartResult>

/** All parts of the crash tests. Each has its own broker. */
export const PARTS: Readonly<Record<string, RunPart>> = {
  async kills(random, storeLocations) {
    await using environment = await openTestEnvironment(storeLocations)
    return await killMatrix(environment, 'kills', POINTS, random)
  },
  async 'older kills'(random, storeLocations) {
    await using environment = await openTestEnvironment(storeLocations, OLDER)
    return await killMatrix(environment, 'older-kills', OLDER_POINTS, random)
  },
  async group(random, storeLocations) {
    await using environment = await openTestEnvironment(storeLocations)
    return await group(environment, random)
  },
  async brokers(random, storeLocations) {
    await using environment = await openTestEnvironment(storeLocations)
    return await brokers(environment, random)
  },
  async partitions(random, storeLocations) {
    const [port, behind] = (await freePorts(2)) as [number, number]
    await using environment = await openTestEnvironment(storeLocations, { proxied: { port: behind, advertised: port } })
    await using proxy = await FaultProxy.open(port, behind)
    return await partitions(environment, proxy, port, random)
  },
}
