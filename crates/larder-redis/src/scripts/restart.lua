-- Appends a record above a position, above all that the log ever had, and not before the server's time.
-- KEYS: log
-- ARGV: milliseconds and count of the position, the greatest count, how many records are retained, record
-- Returns: where it stands; nothing if the log has got beyond the position by itself
local last_time, last_count = 0, 0
local kind = redis.call('TYPE', KEYS[1])
kind = kind.ok or kind
if kind == 'stream' then
  local info = redis.call('XINFO', 'STREAM', KEYS[1])
  for i = 1, #info, 2 do
    if info[i] == 'last-generated-id' then
      local time, count = string.match(info[i + 1], '^(%d+)-(%d+)$')
      last_time, last_count = tonumber(time), tonumber(count)
    end
  end
elseif kind ~= 'none' then
  redis.call('UNLINK', KEYS[1])
end
local above_time, above_count = tonumber(ARGV[1]), tonumber(ARGV[2])
if last_time > above_time or (last_time == above_time and last_count > above_count) then
  return false
end
local now = redis.call('TIME')
local time, count = tonumber(now[1]) * 1000 + math.floor(tonumber(now[2]) / 1000), 0
if time <= above_time then
  time, count = above_time, above_count + 1
  if count > tonumber(ARGV[3]) then
    time, count = above_time + 1, 0
  end
end
local id = string.format('%.0f-%.0f', time, count)
return redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[4], id, 'd', ARGV[5])
