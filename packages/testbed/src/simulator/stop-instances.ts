import type { EventLoop } from './event-loop.js'
import type { Instance } from './machines/instance.js'

const MAX_STEPS = 400_000
/** Until every abandoned transaction has timed out. */
const IDLE_MS = 32_000

/** Kills all instances, and waits until nothing is left of them. */
export async function stopInstances(eventLoop: EventLoop, instances: readonly Instance[]): Promise<void> {
  do {
    for (const instance of instances) {
      instance.mustRun = false
      instance.kill()
    }
    const idleUntil = eventLoop.now + IDLE_MS
    await eventLoop.run(() => eventLoop.now > idleUntil, MAX_STEPS)
    // a fault that ends late may restart an instance
  } while (instances.some(({ isUp }) => isUp))
}
