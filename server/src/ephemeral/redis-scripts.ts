// What Redis runs for us, each script on one key and by Redis' own clock. Text, so that it can be read as what it is.

/** One hash a key: `origin`; `s<slice>` = units booked; `k<origin>` = "units ends", as other counters told. */
const share = `
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + tonumber(time[2]) / 1000
local key, most, window = KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2])
local size, life, want = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local origin = redis.call('HGET', key, 'origin')
if not origin then
  origin = ARGV[6]
  redis.call('HSET', key, 'origin', origin)
end
local at = 8
for _ = 1, tonumber(ARGV[7]) do
  local field = 's' .. ARGV[at + 1]
  local booked = ARGV[at] == origin and redis.call('HGET', key, field)
  if booked then redis.call('HSET', key, field, math.max(0, tonumber(booked) - tonumber(ARGV[at + 2]))) end
  at = at + 3
end
while ARGV[at] do
  if ARGV[at] ~= origin then
    local field = 'k' .. ARGV[at]
    local units, ends = string.match(redis.call('HGET', key, field) or '0 0', '^(%d+) (%d+)$')
    if tonumber(ends) <= now then units = 0 end
    units = math.max(tonumber(units), tonumber(ARGV[at + 1]))
    ends = math.max(tonumber(ends), now + tonumber(ARGV[at + 2]))
    redis.call('HSET', key, field, string.format('%.0f %.0f', units, math.ceil(ends)))
  end
  at = at + 3
end
local own, told, oldest = 0, 0, nil
local fields = redis.call('HGETALL', key)
for i = 1, #fields, 2 do
  local field, kind = fields[i], string.sub(fields[i], 1, 1)
  local units, ends
  if kind == 's' then
    units, ends = tonumber(fields[i + 1]), (tonumber(string.sub(field, 2)) + 1) * size + window
  elseif kind == 'k' then
    units, ends = string.match(fields[i + 1], '^(%d+) (%d+)$')
    units, ends = tonumber(units), tonumber(ends)
  end
  if units then
    if ends <= now then
      redis.call('HDEL', key, field)
    else
      if kind == 's' then own = own + units else told = told + units end
      if units > 0 and (oldest == nil or ends < oldest) then oldest = ends end
    end
  end
end
local slice = math.floor((now + life) / size)
local granted = math.max(0, math.min(want, most - own - told))
if granted > 0 then
  redis.call('HINCRBY', key, string.format('s%.0f', slice), granted)
  own = own + granted
  oldest = oldest or (slice + 1) * size + window
end
redis.call('PEXPIRE', key, math.ceil(2 * (window + size + life)))
return { tonumber(origin), slice, granted, own, own + told, math.floor((slice + 1) * size - now), oldest and math.ceil(oldest - now) or 0 }
`;

/** One sorted set a key: ids by the end of their lease. */
const takeSlots = `
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local key, most, lease, wanted = KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
redis.call('ZREMRANGEBYSCORE', key, '-inf', now)
for at = 4 + wanted, #ARGV do redis.call('ZADD', key, now + lease, ARGV[at]) end
local taken = math.max(0, math.min(wanted, most - redis.call('ZCARD', key)))
for at = 4, 3 + taken do redis.call('ZADD', key, now + lease, ARGV[at]) end
redis.call('PEXPIRE', key, lease)
return taken
`;

const keepSlots = `
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local lease = tonumber(ARGV[1])
for at = 2, #ARGV do redis.call('ZADD', KEYS[1], now + lease, ARGV[at]) end
redis.call('PEXPIRE', KEYS[1], lease)
return 1
`;

const freeSlots = `
for at = 1, #ARGV do redis.call('ZREM', KEYS[1], ARGV[at]) end
return 1
`;

export const scripts = { share, takeSlots, keepSlots, freeSlots } as const;
