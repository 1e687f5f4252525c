-- Tells that a node is there, or which nodes are. Those that are gone are dropped when somebody asks, and
-- now and then when one tells: all of a fleet tell at once, just when a purge is on its way to the others.
-- KEYS: nodes
-- ARGV: a node, how far it has read, for how many milliseconds this holds (or nothing at all)
-- Returns: node, how far it has read, and so on; nothing of use to who tells
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local there = {}
if not ARGV[1] or now % 64 == 0 then
  local all = redis.pcall('HGETALL', KEYS[1])
  if all.err then
    redis.call('UNLINK', KEYS[1])
    all = {}
  end
  for i = 1, #all, 2 do
    local ends, applied = string.match(all[i + 1], '^(%d+) (%d+)$')
    if ends and tonumber(ends) > now then
      there[#there + 1] = all[i]
      there[#there + 1] = applied
    else
      redis.call('HDEL', KEYS[1], all[i])
    end
  end
end
if ARGV[1] then
  local ends = string.format('%.0f', now + tonumber(ARGV[3]))
  local holds = ends .. ' ' .. ARGV[2]
  local told = redis.pcall('HSET', KEYS[1], ARGV[1], holds)
  if type(told) == 'table' then
    -- A server that is full refuses too, and what the others told is there still.
    if not string.find(told.err, 'WRONGTYPE', 1, true) then
      return told
    end
    redis.call('UNLINK', KEYS[1])
    redis.call('HSET', KEYS[1], ARGV[1], holds)
  end
  if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[3]) then
    redis.call('PEXPIRE', KEYS[1], ARGV[3])
  end
end
return there
