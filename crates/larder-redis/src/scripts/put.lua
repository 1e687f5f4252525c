-- Stores a value that no later one stands in the way of, the rule that goes with it, and gives the lease back.
-- KEYS: value, lease [, rule]
-- ARGV: value, its milliseconds, born (8 bytes), token or nothing [, rule]

-- The first bytes under a key; what is no string is dropped.
local function read(key, last)
  local got = redis.pcall('GETRANGE', key, 0, last)
  if type(got) == 'table' then
    redis.call('UNLINK', key)
    return ''
  end
  return got
end

-- A double holds no 64 bits, and strings are compared by the server's locale: so by halves.
local function is_later(head)
  if #head < 16 or string.sub(head, 1, 2) ~= 'ld' then
    return false
  end
  local high, low = struct.unpack('>I4>I4', string.sub(head, 9, 16))
  local own_high, own_low = struct.unpack('>I4>I4', ARGV[3])
  return high > own_high or (high == own_high and low > own_low)
end

local function store(key, value, keep)
  return redis.pcall('SET', key, value, 'PX', keep)
end

local function store_rule(keep)
  local rule = ARGV[5]
  local standing = read(KEYS[3], math.max(#rule, 15))
  local left = redis.call('PTTL', KEYS[3])
  if standing ~= rule and not is_later(standing) then
    return store(KEYS[3], rule, string.format('%.0f', math.max(left, keep)))
  end
  if left >= 0 and left < keep then
    redis.call('PEXPIRE', KEYS[3], ARGV[2])
  end
  return redis.status_reply('OK')
end

local stored = redis.status_reply('OK')
if not is_later(read(KEYS[1], 15)) then
  stored = store(KEYS[1], ARGV[1], ARGV[2])
  if KEYS[3] and not stored.err then
    stored = store_rule(tonumber(ARGV[2]))
  end
end
-- Also if there was no room: others may try.
if ARGV[4] ~= '' and string.sub(read(KEYS[2], 15), 1, 16) == ARGV[4] then
  redis.call('UNLINK', KEYS[2])
end
return stored
