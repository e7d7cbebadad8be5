// pnpm run frozen --runs N: freezes one broker of three (SIGSTOP) under load, each time another one: the first of the configured list
// before the start, then the leader of an output, the coordinators of group and transaction, the controller. Exits with 1 if a promise
// was violated. --only TARGET: only that broker; --trace: prints what the application reports. Without Java and Maven nothing runs.
import { parseArgs } from 'node:util'
import { PlainClient } from '../join-check/plain-client.js'
import { localKafkaIsMissing } from '../kafka/choose-kafka.js'
import { kafkaProbes } from '../kafka/kafka-probes.js'
import { startLocalCluster } from '../kafka/local-cluster.js'
import { announceSkipped } from '../servers/announce-skipped.js'
import { allocateProducerIds } from './allocate-producer-ids.js'
import { FREEZE_TARGETS, type FreezeTarget } from './freeze-target.js'
import { type FrozenRun, frozenRun } from './frozen-run.js'

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '5' },
    only: { type: 'string' },
    trace: { type: 'boolean', default: false },
  },
})

async function main(): Promise<number> {
  const runs = Number(values.runs)
  if (!(runs > 0)) throw new Error(`--runs is ${values.runs}: use a number above 0`)
  const missing = await localKafkaIsMissing(kafkaProbes)
  if (missing !== undefined) {
    announceSkipped(`NO KAFKA, SO NO FROZEN BROKERS: ${missing}`)
    return 0
  }
  const targets = FREEZE_TARGETS.filter((target) => values.only === undefined || values.only === target)
  if (targets.length === 0) throw new Error(`--only is ${values.only}: use one of ${FREEZE_TARGETS.join(', ')}`)
  await using cluster = await startLocalCluster(3)
  await allocateProducerIds(cluster, new PlainClient(cluster.members.map(({ address }) => address)))
  const done: FrozenRun[] = []
  for (let i = 0; i < runs; i++) {
    const target = targets[i % targets.length] as FreezeTarget
    const result = await frozenRun(cluster, `frozen-${i}`, target, values.trace ? console.log : () => {})
    done.push(result)
    console.log(JSON.stringify(result))
  }
  const most = (of: (run: FrozenRun) => number) => Math.round(Math.max(...done.map(of)))
  const total = (of: (run: FrozenRun) => number) => done.reduce((sum, each) => sum + of(each), 0)
  const violations = total((each) => each.violations.length)
  const worst = {
    startedMs: most((each) => Math.max(each.startedMs, each.secondStartedMs)),
    silenceMs: most((each) => each.longestSilenceMs),
    partitionSilenceMs: most((each) => each.longestPartitionSilenceMs),
  }
  console.log(JSON.stringify({ runs, events: total(({ events }) => events), ...worst, violations }))
  return violations === 0 ? 0 : 1
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error)
    process.exit(2)
  },
)
