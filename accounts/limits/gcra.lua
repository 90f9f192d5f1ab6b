-- Take one call from many buckets: from all, or from none. Redis 6.2 or newer. Arithmetic in whole microseconds,
-- which a double holds exactly up to the year 2255; `accounts.limits.buckets.decide` is the same in Python.
--
-- KEYS   one per bucket, holding the time at which it will be full again; then the hash that counts refusals
-- ARGV   1 to charge and count, 2 to charge, 0 to look only; seconds that the hash lives, then per bucket:
--        interval (microseconds per unit), burst, cost, soft (1: never refuses), name of its rule
-- gives  now, admitted (1 or 0), then per bucket: wait (0: it admits), used (microseconds until it is full again)
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local charge, count = ARGV[1] ~= '0', ARGV[1] == '1'
local n = #KEYS - 1
local full_at = redis.call('MGET', unpack(KEYS, 1, n))
local reply, after, admitted = {now, 1}, {}, true
for i = 1, n do
  local interval = tonumber(ARGV[5 * i - 2])
  local depth = interval * tonumber(ARGV[5 * i - 1])
  local stored = tonumber(full_at[i] or now) or now
  local at = math.min(math.max(stored, now), now + depth)
  if charge and stored > at then
    -- a rule was edited or the clock set back: nobody waits longer than for an empty bucket, which fills from now on
    redis.call('SET', KEYS[i], string.format('%.0f', at), 'PX', math.max(1, math.ceil((at - now) / 1000)))
  end
  after[i] = at + interval * tonumber(ARGV[5 * i])
  reply[2 * i + 1] = math.max(0, after[i] - depth - now)
  reply[2 * i + 2] = at - now
  if reply[2 * i + 1] > 0 and ARGV[5 * i + 1] == '0' then
    admitted = false
  end
end
reply[2] = admitted and 1 or 0
if not charge then
  return reply
end
for i = 1, n do
  local refuses = reply[2 * i + 1] > 0
  local soft = ARGV[5 * i + 1] == '1'
  if admitted and not refuses then
    redis.call('SET', KEYS[i], string.format('%.0f', after[i]), 'PX', math.max(1, math.ceil((after[i] - now) / 1000)))
    reply[2 * i + 2] = after[i] - now
  elseif count and refuses and admitted == soft then
    redis.call('HINCRBY', KEYS[n + 1], ARGV[5 * i + 2] .. (soft and ':over' or ':refused'), 1)
    redis.call('EXPIRE', KEYS[n + 1], ARGV[2])
  end
end
return reply
