/** The state of a transactional id. */
interface Transaction {
  producerId: bigint
  epoch: number
  state: 'empty' | 'ongoing' | 'commit' | 'abort'
  /** The producer and epoch before the last end, if that brought new ones. */
  before: { readonly producerId: bigint; readonly epoch: number } | undefined
  readonly places: Set<string>
}

/** How a request for a transaction names its producer. */
export interface TransactionRequest {
  readonly id: string
  readonly producerId: bigint
  readonly epoch: number
}

/** The response to a request for a transaction. */
export interface TransactionResponse {
  readonly code: number
  readonly producerId: bigint
  readonly epoch: number
}

const INVALID_TXN_STATE = 48
const INVALID_PRODUCER_ID_MAPPING = 49
const PRODUCER_FENCED = 90
/** With the one after it, a producer can only be fenced. */
const LAST_EPOCH = 32_766

/** A transaction coordinator, by Kafka's rules (KIP-98, KIP-890). Markers are written at once. */
export class ScriptedTransactions {
  readonly #newProducerId: () => bigint
  readonly #mark: (place: string, producerId: bigint, type: 'abort' | 'commit') => void
  readonly #transactions = new Map<string, Transaction>()

  constructor(
    newProducerId: () => bigint,
    mark: (place: string, producerId: bigint, type: 'abort' | 'commit') => void,
  ) {
    this.#newProducerId = newProducerId
    this.#mark = mark
  }

  /** The transactional ids with an open transaction. */
  get ongoing(): readonly string[] {
    return [...this.#transactions].filter(([, { state }]) => state === 'ongoing').map(([id]) => id)
  }

  /** The next epoch of an id is the last one of its producer. */
  useUpEpochs(id: string): void {
    this.#of(id).epoch = LAST_EPOCH - 2
  }

  /** InitProducerId: aborts what is open, and begins a new epoch. */
  init(id: string): TransactionResponse {
    const known = this.#transactions.has(id)
    const transaction = this.#of(id)
    if (transaction.state === 'ongoing') this.#end(transaction, 'abort')
    transaction.state = 'empty'
    transaction.before = undefined
    if (known) this.#nextEpoch(transaction)
    return { code: 0, producerId: transaction.producerId, epoch: transaction.epoch }
  }

  /** AddPartitionsToTxn, and Produce from version 12 on. */
  add(request: TransactionRequest, places: readonly string[]): number {
    const code = this.#codeOf(request)
    if (code !== 0) return code
    const transaction = this.#of(request.id)
    if (transaction.state !== 'ongoing') transaction.places.clear()
    transaction.state = 'ongoing'
    for (const place of places) transaction.places.add(place)
    return 0
  }

  /** Produce up to version 11: the partition has to be added before. */
  verify(request: TransactionRequest, place: string): number {
    const code = this.#codeOf(request)
    if (code !== 0) return code
    const { state, places } = this.#of(request.id)
    return state === 'ongoing' && places.has(place) ? 0 : INVALID_TXN_STATE
  }

  /** EndTxn. `isVersion2`: the end brings a new epoch, and a request from before it is recognized. */
  end(request: TransactionRequest, type: 'abort' | 'commit', isVersion2: boolean): TransactionResponse {
    const transaction = this.#of(request.id)
    const { before, state } = transaction
    const isEnded = state === type && same(before ?? transaction, request)
    const code = isEnded ? 0 : this.#codeOf(request)
    if (code !== 0) return { code, producerId: -1n, epoch: -1 }
    if (!isEnded) {
      if (state !== 'ongoing') return { code: INVALID_TXN_STATE, producerId: -1n, epoch: -1 }
      this.#end(transaction, type)
      transaction.before = undefined
      if (isVersion2) {
        transaction.before = { producerId: transaction.producerId, epoch: transaction.epoch }
        this.#nextEpoch(transaction)
      }
    }
    return { code: 0, producerId: transaction.producerId, epoch: transaction.epoch }
  }

  #codeOf({ id, producerId, epoch }: TransactionRequest): number {
    const transaction = this.#transactions.get(id)
    if (transaction?.producerId !== producerId) return INVALID_PRODUCER_ID_MAPPING
    return transaction.epoch === epoch ? 0 : PRODUCER_FENCED
  }

  #end(transaction: Transaction, type: 'abort' | 'commit'): void {
    for (const place of transaction.places) this.#mark(place, transaction.producerId, type)
    transaction.places.clear()
    transaction.state = type
  }

  #nextEpoch(transaction: Transaction): void {
    if (++transaction.epoch < LAST_EPOCH) return
    transaction.producerId = this.#newProducerId()
    transaction.epoch = 0
  }

  #of(id: string): Transaction {
    const known = this.#transactions.get(id)
    if (known !== undefined) return known
    const transaction: Transaction = {
      producerId: this.#newProducerId(),
      epoch: 0,
      state: 'empty',
      before: undefined,
      places: new Set(),
    }
    this.#transactions.set(id, transaction)
    return transaction
  }
}

const same = (a: Omit<TransactionRequest, 'id'>, b: Omit<TransactionRequest, 'id'>): boolean =>
  a.producerId === b.producerId && a.epoch === b.epoch
