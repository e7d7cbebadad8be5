import type { Network } from '../brokers/network.js'
import type { SimCluster } from '../brokers/sim-cluster.js'
import type { Instance } from '../machines/instance.js'
import type { SimDisk } from '../machines/sim-disk.js'
import type { StoreTrouble } from '../machines/sim-stores.js'
import type { Random } from '../random.js'
import { APPLICATION } from '../scenario/scenario.js'
import type { SimService } from '../service/sim-service.js'
import type { World } from '../world.js'

/** What the nemesis does it to. */
export interface Victims {
  readonly world: World
  readonly cluster: SimCluster
  readonly network: Network
  readonly trouble: StoreTrouble
  readonly server: SimDisk
  readonly instances: readonly Instance[]
  readonly service: SimService | undefined
}

/** One occurrence of a fault: what it hits, and its own dice. */
interface Occurrence extends Victims {
  readonly random: Random
  readonly instance: Instance
  /** Whether everything was healed meanwhile. */
  isOver(): boolean
  /** Does something after `from` to `to` milliseconds. */
  later(from: number, to: number, act: () => void): void
}

const WALL_CLOCK_STEPS = [-3_600_000, -5_000, 5_000, 3_600_000] as const
const MOST_STEPS = 120

const crash = ({ instance, random, later, isOver, cluster }: Occurrence, isLong = random.chance(0.2)): void => {
  if (isOver()) return
  if (random.chance(0.2)) for (const state of instance.disk.states) state.lose(random.between(0, 3))
  instance.kill()
  later(50, isLong ? 60_000 : 3_000, () => {
    // what was half written meets a log from which tombstones are gone
    if (isLong) cluster.clean()
    instance.start()
  })
}

function serviceIs(how: 'isDown' | 'isSilent' | 'isDropping', { service, later }: Occurrence): void {
  if (service === undefined) return
  service[how] = true
  later(50, 6_000, () => {
    service[how] = false
  })
}

/** What can go wrong. */
export const FAULTS = [
  'kill',
  'kill at a step',
  'kill while it starts',
  'kill in a store commit',
  'outage',
  'stop',
  'pause',
  'cut',
  'deaf',
  'brokers down',
  'lossy network',
  'slow network',
  'slow markers',
  'leaders move',
  'late InitProducerId',
  'producer ids expire',
  'store failures',
  'store stalls',
  'stores lose a suffix',
  'clock step',
  'compaction',
] as const

/** What else can go wrong where calls are made. */
export const CALL_FAULTS = ['service down', 'service silent', 'service drops'] as const

export type Fault = (typeof FAULTS)[number] | (typeof CALL_FAULTS)[number]

/** Each ends by itself after a while. */
const FAULT: Readonly<Record<Fault, (now: Occurrence) => void>> = {
  kill: crash,
  /** Between any two of its steps, wherever it is then: in a commit, in an opening, in a restore. */
  'kill at a step': (now) => {
    const { instance, random } = now
    instance.process?.before(random.between(1, MOST_STEPS), () => crash(now))
  },
  'kill while it starts': (now) => {
    const { instance, random, later } = now
    instance.kill()
    later(10, 500, () => {
      instance.start()
      instance.process?.before(random.between(1, MOST_STEPS), () => crash(now))
    })
  },
  /** Of a store that has been there, or of one that is made anew. */
  'kill in a store commit': (now) => {
    const { instance, random, later } = now
    const doom = (isLong?: boolean) => instance.process?.doomInStoreCommit(() => crash(now, isLong))
    if (random.chance(0.5)) return doom()
    instance.kill()
    const isWiped = random.chance(0.5)
    if (isWiped) for (const state of instance.disk.states) state.wipe()
    later(10, 500, () => {
      instance.start()
      doom(isWiped || undefined) // what was half written to an empty disk is looked at when its rows are long gone
    })
  },
  /** Long enough for compaction to take tombstones that nobody has seen. */
  outage: ({ instances, cluster, later }) => {
    for (const each of instances) each.kill()
    later(1_000, 60_000, () => cluster.clean())
    later(50, 60_000, () => {
      for (const each of instances) each.start()
    })
  },
  stop: (now) => {
    const { instance, later, random, service } = now
    // with calls under way it is harder to stop while no answer of the brokers comes
    if (service !== undefined && random.chance(0.5)) {
      FAULT.deaf(now)
      later(1, 2_000, () => instance.stop())
    } else instance.stop()
    later(50, 3_000, () => instance.start())
  },
  /** Often longer than the session time-out: a zombie. Half of the time in the middle of something. */
  pause: ({ instance: { process }, random, later, isOver }) => {
    const pause = () => {
      if (isOver()) return
      process?.pause()
      later(50, 20_000, () => process?.resume())
    }
    if (random.chance(0.5)) process?.before(random.between(1, MOST_STEPS), pause)
    else pause()
  },
  cut: ({ instance, network, later }) => {
    const name = instance.process?.name ?? instance.name
    network.cut.add(name)
    later(50, 15_000, () => network.cut.delete(name))
  },
  deaf: ({ instance, network, later }) => {
    const name = instance.process?.name ?? instance.name
    network.deaf.add(name)
    later(50, 15_000, () => network.deaf.delete(name))
  },
  'brokers down': ({ network, later }) => {
    network.isDown = true
    later(50, 12_000, () => {
      network.isDown = false
    })
  },
  'lossy network': ({ network, random, later }) => {
    network.loss = random.next() * 0.3
    later(50, 4_000, () => {
      network.loss = 0
    })
  },
  'slow network': ({ network, random, later }) => {
    network.delay = random.next() * 0.2
    later(50, 4_000, () => {
      network.delay = 0
    })
  },
  'slow markers': ({ cluster, random, later }) => {
    cluster.transactions.slowMarkers = random.next()
    later(50, 8_000, () => {
      cluster.transactions.slowMarkers = 0
    })
  },
  'leaders move': ({ cluster, world, random }) => {
    cluster.shift++
    cluster.loadingUntil = world.now + random.between(0, 1_000)
  },
  /** Somebody who was a member once gets his request through at last. */
  'late InitProducerId': ({ cluster, random, world }) => {
    const own = cluster.transactions.ids.filter((id) => id.startsWith(`${APPLICATION}-`))
    if (own.length === 0) return
    const id = random.pick(own)
    world.note(`somebody fences ${id}`)
    cluster.transactions.init(id, random.between(5_000, 30_000))
  },
  'producer ids expire': ({ cluster }) => cluster.transactions.forget(),
  'store failures': ({ trouble, random, later }) => {
    trouble.failures = random.next() * 0.3
    later(50, 4_000, () => {
      trouble.failures = 0
    })
  },
  'store stalls': ({ trouble, random, later }) => {
    trouble.stalls = random.next() * 0.2
    later(50, 4_000, () => {
      trouble.stalls = 0
    })
  },
  /** A server fails over to a replica that lagged, and tells. */
  'stores lose a suffix': ({ instance, random }) => {
    for (const state of instance.disk.states) if (random.chance(0.7)) state.lose(random.between(1, 5))
  },
  'clock step': ({ instance: { process }, random }) => {
    if (process !== undefined) process.clockAheadMs += random.pick(WALL_CLOCK_STEPS)
  },
  compaction: ({ cluster }) => cluster.clean(),
  'service down': (now) => serviceIs('isDown', now),
  'service silent': (now) => serviceIs('isSilent', now),
  'service drops': (now) => serviceIs('isDropping', now),
}

/** Does harm once. */
export function happen(fault: Fault, victims: Victims, random: Random, isOver: () => boolean): void {
  const { world, instances } = victims
  const instance = random.pick(instances)
  world.note(`nemesis: ${fault} ${instance.name}`)
  FAULT[fault]({
    ...victims,
    random,
    instance,
    isOver,
    later(from, to, undo) {
      world.after(random.between(from, to), `nemesis ends ${fault}`, undo)
    },
  })
}
