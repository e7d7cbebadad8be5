import { type Script, script } from './script.js'

export const commitScript: Script = script(String.raw`
-- Applies a chunk of changes in order, if the store is as its owner left it. Idempotent.
-- KEYS[1]  the store
-- ARGV[1]  the owner (mark.ts)
-- ARGV[2]  the number of the last acknowledged chunk, 16 digits: the store must have it
-- ARGV[3]  the number of this chunk, 16 digits
-- ARGV[4]  'last' to set the position after the changes, otherwise 'more'
-- ARGV[5]  the position
-- then, repeated: 'put', the number of arguments that follow, alternating fields and values
--             or: 'delete', the number of arguments that follow, fields
-- Returns  { 'applied', the mark, the bytes of all rows }
--          { 'lost', the mark or nil }  the store is not as its owner left it; nothing was changed
local mark = redis.call('HGET', KEYS[1], '\0m')
if not mark or string.sub(mark, 17) ~= ARGV[1] then
  return { 'lost', mark }
end
local chunk = string.sub(mark, 1, 16)
if chunk < ARGV[2] then
  return { 'lost', mark }
end
local bytes = redis.call('HGET', KEYS[1], '\0b') or '0'
if chunk >= ARGV[3] then
  return { 'applied', mark, bytes }
end
bytes = tonumber(bytes)
-- the bytes of a key: its field may have a prefix of two zero bytes
local function length(field)
  if string.byte(field) == 0 then
    return #field - 2
  end
  return #field
end
local at = 6
while at < #ARGV do
  local last = at + 1 + ARGV[at + 1]
  if ARGV[at] == 'put' then
    for i = at + 2, last, 2 do
      bytes = bytes + #ARGV[i + 1] - redis.call('HSTRLEN', KEYS[1], ARGV[i])
      if redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) == 1 then
        bytes = bytes + length(ARGV[i])
      end
    end
  else
    for i = at + 2, last do
      bytes = bytes - redis.call('HSTRLEN', KEYS[1], ARGV[i])
      if redis.call('HDEL', KEYS[1], ARGV[i]) == 1 then
        bytes = bytes - length(ARGV[i])
      end
    end
  end
  at = last + 1
end
mark = ARGV[3] .. ARGV[1]
bytes = string.format('%.0f', bytes)
if ARGV[4] == 'last' then
  redis.call('HSET', KEYS[1], '\0p', ARGV[5], '\0b', bytes, '\0m', mark)
else
  redis.call('HSET', KEYS[1], '\0b', bytes, '\0m', mark)
end
return { 'applied', mark, bytes }
`)
