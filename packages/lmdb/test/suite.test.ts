import { stateStoreSuite } from '@joinery/core/testing'
import { describe, it } from 'vitest'
import { lmdbStores } from '../src/index.js'
import { directories } from './support/directories.js'

const directory = directories()

stateStoreSuite({ describe, it }, 'lmdbStores', () => lmdbStores({ path: directory() }))
