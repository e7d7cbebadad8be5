import type { Api } from '../protocol/api.js'
import { DESCRIBE_CONFIGS } from '../protocol/describe-configs.js'
import { FETCH } from '../protocol/fetch.js'
import { FIND_COORDINATOR } from '../protocol/find-coordinator.js'
import { HEARTBEAT } from '../protocol/heartbeat.js'
import { INIT_PRODUCER_ID } from '../protocol/init-producer-id.js'
import { JOIN_GROUP } from '../protocol/join-group.js'
import { LEAVE_GROUP } from '../protocol/leave-group.js'
import { LIST_OFFSETS } from '../protocol/list-offsets.js'
import { METADATA } from '../protocol/metadata.js'
import { OFFSET_COMMIT } from '../protocol/offset-commit.js'
import { OFFSET_FETCH } from '../protocol/offset-fetch.js'
import { PRODUCE } from '../protocol/produce.js'
import { SYNC_GROUP } from '../protocol/sync-group.js'

/** The APIs that every application needs, with transactions or without. */
export const REQUIRED_APIS: readonly Api[] = [
  METADATA,
  DESCRIBE_CONFIGS,
  FIND_COORDINATOR,
  LIST_OFFSETS,
  FETCH,
  PRODUCE,
  INIT_PRODUCER_ID,
  OFFSET_FETCH,
  OFFSET_COMMIT,
  JOIN_GROUP,
  SYNC_GROUP,
  HEARTBEAT,
  LEAVE_GROUP,
]
