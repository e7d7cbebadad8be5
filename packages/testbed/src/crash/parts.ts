import { FaultProxy } from '../proxy/fault-proxy.js'
import { freePort } from '../servers/free-port.js'
import type { Random } from '../simulator/random.js'
import { brokers } from './brokers.js'
import type { Part } from './figures.js'
import { group } from './group.js'
import { killMatrix } from './kill-matrix.js'
import { partitions } from './partitions.js'
import { OLDER_POINTS, POINTS } from './points.js'
import { openStage } from './stage.js'
import type { Kept } from './worker/worker-stores.js'

/** Transactions as they were before KIP-890 part 2. */
const OLDER = { features: { 'transaction.version': 1 } }

/** Plays a part, with stores that are kept in any of these places. */
type PlayPart = (random: Random, kept: readonly Kept[]) => Promise<Part>

/** Everything that is done to real processes on a real Kafka. Each part has a broker of its own. */
export const PARTS: Readonly<Record<string, PlayPart>> = {
  async kills(random, kept) {
    await using stage = await openStage(kept)
    return await killMatrix(stage, 'kills', POINTS, random)
  },
  async 'older kills'(random, kept) {
    await using stage = await openStage(kept, OLDER)
    return await killMatrix(stage, 'older-kills', OLDER_POINTS, random)
  },
  async group(random, kept) {
    await using stage = await openStage(kept)
    return await group(stage, random)
  },
  async brokers(random, kept) {
    await using stage = await openStage(kept)
    return await brokers(stage, random)
  },
  async partitions(random, kept) {
    const [port, behind] = [await freePort(), await freePort()]
    await using stage = await openStage(kept, { proxied: { port: behind, advertised: port } })
    await using proxy = await FaultProxy.open(port, behind)
    return await partitions(stage, proxy, port, random)
  },
}
