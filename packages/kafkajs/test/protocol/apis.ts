import { ADD_PARTITIONS_TO_TXN } from '../../src/protocol/add-partitions-to-txn.js'
import type { Api } from '../../src/protocol/api.js'
import { API_VERSIONS } from '../../src/protocol/api-versions.js'
import { CREATE_TOPICS } from '../../src/protocol/create-topics.js'
import { DESCRIBE_CONFIGS } from '../../src/protocol/describe-configs.js'
import { END_TXN } from '../../src/protocol/end-txn.js'
import { FETCH } from '../../src/protocol/fetch.js'
import { FIND_COORDINATOR } from '../../src/protocol/find-coordinator.js'
import { HEARTBEAT } from '../../src/protocol/heartbeat.js'
import { INIT_PRODUCER_ID } from '../../src/protocol/init-producer-id.js'
import { JOIN_GROUP } from '../../src/protocol/join-group.js'
import { LEAVE_GROUP } from '../../src/protocol/leave-group.js'
import { LIST_OFFSETS } from '../../src/protocol/list-offsets.js'
import { METADATA } from '../../src/protocol/metadata.js'
import { OFFSET_COMMIT } from '../../src/protocol/offset-commit.js'
import { OFFSET_FETCH } from '../../src/protocol/offset-fetch.js'
import { PRODUCE } from '../../src/protocol/produce.js'
import { SYNC_GROUP } from '../../src/protocol/sync-group.js'

/** Every API that this client implements. */
export const APIS: readonly Api[] = [
  PRODUCE,
  FETCH,
  LIST_OFFSETS,
  METADATA,
  OFFSET_COMMIT,
  OFFSET_FETCH,
  FIND_COORDINATOR,
  JOIN_GROUP,
  HEARTBEAT,
  LEAVE_GROUP,
  SYNC_GROUP,
  API_VERSIONS,
  CREATE_TOPICS,
  INIT_PRODUCER_ID,
  ADD_PARTITIONS_TO_TXN,
  END_TXN,
  DESCRIBE_CONFIGS,
]
