import { join } from 'node:path'
import { stateStoreSuite } from '@joinery/core/testing'
import { describe, it } from 'vitest'
import { lmdbStores } from '../src/index.js'
import { directories } from './support/directories.js'

const directory = directories()
const base = directory()

stateStoreSuite({ describe, it }, 'lmdbStores', (place) => lmdbStores({ path: join(base, place) }), { shared: false })
