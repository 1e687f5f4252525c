-- Gives back a lease that the token holds.
-- KEYS: lease
-- ARGV: token, for how many milliseconds nobody is to wait for another (or nothing)
local held = redis.pcall('GETRANGE', KEYS[1], 0, 23)
if type(held) ~= 'string' or #held ~= 24 or string.sub(held, 1, 16) ~= ARGV[1] then
  return 0
end
if ARGV[2] == '' then
  redis.call('UNLINK', KEYS[1])
else
  redis.call('SET', KEYS[1], '-', 'PX', ARGV[2])
end
return 1
