import { moveAll } from '../brokers/broker-control.js'
import type { Instance } from '../machines/instance.js'
import type { Random } from '../random.js'
import { APPLICATION } from '../scenario/scenario.js'
import { freezeBroker, losePartition, restartBroker, stopBrokers, throttle } from './broker-faults.js'
import { AT_END_TXN, type Fault } from './fault.js'
import type { NemesisTargets, Occurrence } from './occurrence.js'
import { failStores, hangStores, stallStores } from './store-faults.js'

const WALL_CLOCK_STEPS = [-3_600_000, -5_000, 5_000, 3_600_000] as const
const MAX_STEPS = 120

/** Starts an instance again. Once the faults are over, all have been started, and may have been stopped since. */
const startAgain = ({ isOver }: Occurrence, instance: Instance): void => {
  if (!isOver()) instance.start()
}

const crash = (occurrence: Occurrence, isLongOutage = occurrence.random.chance(0.2)): void => {
  const { instance, random, later, isOver, cluster } = occurrence
  if (isOver()) return
  if (random.chance(0.2)) for (const state of instance.disk.states) state.undoCommits(random.between(0, 3))
  instance.kill()
  if (isLongOutage) cluster.compact() // the first pass, from which tombstones are retained
  later(50, isLongOutage ? 60_000 : 3_000, () => {
    // a half-written store meets a log whose tombstones are gone
    if (isLongOutage) cluster.compact()
    startAgain(occurrence, instance)
  })
}

function disturbService(flag: 'isDown' | 'isHanging' | 'isResetting', { service, later }: Occurrence): void {
  if (service === undefined) return
  service[flag] = true
  later(50, 6_000, () => {
    service[flag] = false
  })
}

/** Each fault ends by itself after some time. */
const INJECT: Readonly<Record<Fault, (occurrence: Occurrence) => void>> = {
  kill: crash,
  /** Between any two of its steps, whatever it is doing: committing, opening, restoring. */
  'kill at a step': (occurrence) => {
    const { instance, random } = occurrence
    instance.process?.beforeStep(random.between(1, MAX_STEPS), () => crash(occurrence))
  },
  'kill while it starts': (occurrence) => {
    const { instance, random, later } = occurrence
    instance.kill()
    later(10, 500, () => {
      startAgain(occurrence, instance)
      instance.process?.beforeStep(random.between(1, MAX_STEPS), () => crash(occurrence))
    })
  },
  /** In an existing store, or in a new one. */
  'kill in a store commit': (occurrence) => {
    const { instance, random, later } = occurrence
    const killInCommit = (isLongOutage?: boolean) =>
      instance.process?.killInStoreCommit(() => crash(occurrence, isLongOutage))
    if (random.chance(0.5)) return killInCommit()
    instance.kill()
    const isWiped = random.chance(0.5)
    if (isWiped) for (const state of instance.disk.states) state.wipe()
    later(10, 500, () => {
      startAgain(occurrence, instance)
      killInCommit(isWiped || undefined) // the half-written store is opened again when the rows are long gone from the log
    })
  },
  /** Long enough for compaction to remove tombstones that no instance has read. */
  outage: (occurrence) => {
    const { instances, cluster, later } = occurrence
    for (const each of instances) each.kill()
    cluster.compact() // the first pass, from which tombstones are retained
    later(1_000, 60_000, () => cluster.compact())
    later(50, 60_000, () => {
      for (const each of instances) startAgain(occurrence, each)
    })
  },
  stop: (occurrence) => {
    const { instance, later, random, service } = occurrence
    // with calls in flight, stopping is harder while the brokers do not respond
    if (service !== undefined && random.chance(0.5)) {
      INJECT['responses lost'](occurrence)
      later(1, 2_000, () => instance.stop())
    } else instance.stop()
    later(50, 3_000, () => startAgain(occurrence, instance))
  },
  /** Often longer than the session timeout, which makes it a zombie. Half of the time in the middle of an operation. */
  pause: ({ instance: { process }, random, later, isOver }) => {
    const pause = () => {
      if (isOver()) return
      process?.pause()
      later(50, 20_000, () => process?.resume())
    }
    if (random.chance(0.5)) process?.beforeStep(random.between(1, MAX_STEPS), pause)
    else pause()
  },
  'network partition': ({ instance, network, later }) => {
    const name = instance.process?.name ?? instance.name
    network.partitioned.add(name)
    later(50, 15_000, () => network.partitioned.delete(name))
  },
  'responses lost': ({ instance, network, later }) => {
    const name = instance.process?.name ?? instance.name
    network.unanswered.add(name)
    later(50, 15_000, () => network.unanswered.delete(name))
  },
  'brokers down': stopBrokers,
  'broker freezes': freezeBroker,
  'broker restarts': restartBroker,
  'brokers throttle': throttle,
  'partition loses its leader': losePartition,
  'lossy network': ({ network, random, later }) => {
    network.lossRate = random.next() * 0.3
    later(50, 4_000, () => {
      network.lossRate = 0
    })
  },
  'slow network': ({ network, random, later }) => {
    network.delayRate = random.next() * 0.2
    later(50, 4_000, () => {
      network.delayRate = 0
    })
  },
  'late requests': ({ network, random, later }) => {
    network.lateRate = random.next() * 0.2
    later(50, 8_000, () => {
      network.lateRate = 0
    })
  },
  /**
   * Two instances own the tasks of one: neither can know which of them the group has assigned them to. Sometimes the markers of
   * their commits are slow, so that an OWNER may be written before the marker of what the other one has committed.
   */
  'two owners': ({ group, random, later, cluster }) => {
    const ids = group.memberIds
    if (ids.length < 2) return
    const id = random.pick(ids)
    group.mislead(id)
    later(1_000, 15_000, () => group.stopMisleading(id))
    if (!random.chance(0.3)) return
    cluster.transactions.slowMarkerRate = random.next()
    later(1_000, 8_000, () => {
      cluster.transactions.slowMarkerRate = 0
    })
  },
  'slow markers': ({ cluster, random, later }) => {
    cluster.transactions.slowMarkerRate = random.next()
    later(50, 8_000, () => {
      cluster.transactions.slowMarkerRate = 0
    })
  },
  'leaders move': ({ cluster }) => moveAll(cluster),
  /** The request of a former member arrives at last. Often it meets a commit whose response is lost, and which is sent again. */
  'delayed InitProducerId': ({ cluster, network, instance, random, eventLoop, later }) => {
    const name = instance.process?.name ?? instance.name
    const own = cluster.transactions.ids.filter((each) => each.startsWith(`${APPLICATION}-`))
    const current = own.findLast((each) => each.startsWith(`${APPLICATION}-${name}.`))
    const id = random.chance(0.5) ? current : random.pick(own.length > 0 ? own : [undefined])
    if (id === undefined) return
    network.unanswered.add(name)
    later(5, 100, () => {
      network.unanswered.delete(name)
      eventLoop.note(`a former member fences ${id}`)
      cluster.transactions.init(id, random.between(5_000, 30_000))
    })
  },
  'producer ids expire': ({ cluster }) => cluster.transactions.expireProducerIds(),
  'store failures': failStores,
  'store stalls': stallStores,
  'stores hang': hangStores,
  /** A server fails over to a replica that lagged, and reports it. */
  'stores lose commits': ({ instance, random }) => {
    for (const state of instance.disk.states) if (random.chance(0.7)) state.undoCommits(random.between(1, 5))
  },
  'clock step': ({ instance: { process }, random }) => {
    if (process !== undefined) process.clockAheadMs += random.pick(WALL_CLOCK_STEPS)
  },
  compaction: ({ cluster }) => cluster.compact(),
  'service down': (occurrence) => disturbService('isDown', occurrence),
  'service hangs': (occurrence) => disturbService('isHanging', occurrence),
  'service resets connections': (occurrence) => disturbService('isResetting', occurrence),
}

/** How many EndTxn a fault lets pass while it waits for one that commits the work of several tasks. */
const MAX_ENDS = 20

/** Whether the open transaction of an instance contains the work of several tasks. */
function isJoint({ cluster, instance }: Occurrence): boolean {
  const partitions = cluster.transactions.openPartitions(`${APPLICATION}-${instance.process?.name}.`)
  return partitions.filter(({ topic }) => topic === `${APPLICATION}-changelog`).length > 1
}

/** Injects a fault once. */
export function injectFault(
  fault: Fault,
  targets: NemesisTargets,
  random: Random,
  { isOver, begins }: { readonly isOver: () => boolean; readonly begins: () => void },
): void {
  const { eventLoop, instances } = targets
  const instance = random.pick(instances)
  eventLoop.note(`nemesis: ${fault} ${instance.name}`)
  const occurrence: Occurrence = {
    ...targets,
    random,
    instance,
    isOver,
    later(from, to, act) {
      eventLoop.schedule(random.between(from, to), `nemesis ends ${fault}`, act)
    },
  }
  if (!AT_END_TXN.has(fault) || random.chance(0.5)) {
    INJECT[fault](occurrence)
    return
  }
  let endsLeft = MAX_ENDS
  const atEndTxn = (): void => {
    if (isOver()) return
    if (!isJoint(occurrence) && --endsLeft > 0) {
      instance.process?.beforeEndTxn(atEndTxn)
      return
    }
    begins()
    eventLoop.note(`nemesis: ${fault} with EndTxn of ${instance.name}`)
    INJECT[fault](occurrence)
  }
  instance.process?.beforeEndTxn(atEndTxn)
}
