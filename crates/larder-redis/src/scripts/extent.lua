-- What the log has.
-- KEYS: log
-- ARGV: the position that it is asked for
-- Returns: oldest, newest, whether the position is there, seconds, microseconds
local time = redis.call('TIME')
if redis.call('EXISTS', KEYS[1]) == 0 then
  return { false, '0-0', 0, time[1], time[2] }
end
local oldest = false
local newest = '0-0'
local info = redis.call('XINFO', 'STREAM', KEYS[1])
for i = 1, #info, 2 do
  if info[i] == 'last-generated-id' then
    newest = info[i + 1]
  elseif info[i] == 'first-entry' and info[i + 1] then
    oldest = info[i + 1][1]
  end
end
local anchor = redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1], 'COUNT', 1)
return { oldest, newest, #anchor, time[1], time[2] }
