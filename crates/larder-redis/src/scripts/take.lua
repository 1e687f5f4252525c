-- A value, and a lease for whoever is to fill.
-- KEYS: value [, variant], lease
-- ARGV: what is wanted (missing, always, over), lease (token and born), its milliseconds, the token that may be taken over
-- Returns: value, variant, what became of the lease (0 none, 1 won, 2 busy, 3 alone), who has it
local lease_key = KEYS[#KEYS]
local value = redis.call('GET', KEYS[1])
local variant = false
local wanted = value
if #KEYS == 3 then
  variant = redis.call('GET', KEYS[2])
  wanted = variant
end
if wanted and ARGV[1] == 'missing' then
  return { value, variant, 0, false }
end
local held = redis.pcall('GET', lease_key)
if type(held) == 'table' then
  -- No lease is of another type.
  redis.call('UNLINK', lease_key)
  held = false
end
if held and #held ~= 24 then
  return { value, variant, 3, false }
end
if held then
  local holder = string.sub(held, 1, 16)
  local own = string.sub(ARGV[2], 1, 16)
  if holder ~= own and not (ARGV[1] == 'over' and holder == ARGV[4]) then
    return { value, variant, 2, held }
  end
end
redis.call('SET', lease_key, ARGV[2], 'PX', ARGV[3])
return { value, variant, 1, false }
