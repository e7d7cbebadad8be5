import { type Script, script } from './script.js'

export const scanScript: Script = script(String.raw`
-- Returns a page of rows. A cursor is valid only for the server process that returned it, as the order of rows differs: hence
-- the run id.
-- KEYS[1]  the store
-- ARGV[1]  the cursor, '0' at first
-- ARGV[2]  the approximate number of rows
-- Returns  { the mark or nil, the server's run id, the next cursor or '0' at the end, { field, value, ... } }
local run_id = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
local page = redis.call('HSCAN', KEYS[1], ARGV[1], 'COUNT', ARGV[2])
return { redis.call('HGET', KEYS[1], '\0m'), run_id, page[1], page[2] }
`)
