import type { EventLoop } from '../event-loop.js'

/** After how many more requests of its process a late request arrives. */
const MAX_BEHIND = 8
/** The longest time after which it arrives, however few requests follow. */
const MAX_LATE_MS = 10_000

interface LateRequest {
  requestsLeft: number
  readonly arrive: () => void
}

/**
 * Requests whose connections broke while they were in transit. Each arrives at last, long after its process has sent it again
 * over another connection: between two of the requests that follow, because that is where it can do harm.
 */
export class LateRequests {
  readonly #eventLoop: EventLoop
  /** By the name of the process. */
  readonly #requests = new Map<string, LateRequest[]>()

  constructor(eventLoop: EventLoop) {
    this.#eventLoop = eventLoop
  }

  /** A request of a process is late from now on. */
  add(process: string, label: string, arrive: () => void): void {
    const { random } = this.#eventLoop
    const request: LateRequest = { requestsLeft: random.between(1, MAX_BEHIND), arrive }
    const requests = this.#requests.get(process) ?? []
    this.#requests.set(process, requests)
    requests.push(request)
    this.#eventLoop.note(`late: ${label}`)
    this.#eventLoop.schedule(random.between(100, MAX_LATE_MS), `${label} arrives late`, () => {
      const index = requests.indexOf(request)
      if (index < 0) return
      requests.splice(index, 1)
      arrive()
    })
  }

  /** A request of a process has arrived in time: those that are due arrive behind it. */
  arrived(process: string): void {
    const requests = this.#requests.get(process) ?? []
    const due = requests.filter((request) => --request.requestsLeft <= 0)
    for (const request of due) {
      requests.splice(requests.indexOf(request), 1)
      this.#eventLoop.note(`a late request of ${process} arrives`)
      request.arrive()
    }
  }
}
