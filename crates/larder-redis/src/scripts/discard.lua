-- Drops a value that says to be born at a position.
-- KEYS: value
-- ARGV: born (8 bytes)
local head = redis.pcall('GETRANGE', KEYS[1], 0, 15)
if type(head) ~= 'string' or string.sub(head, 1, 2) ~= 'ld' or string.sub(head, 9) ~= ARGV[1] then
  return 0
end
return redis.call('UNLINK', KEYS[1])
