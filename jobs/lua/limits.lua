-- What a person has used of what they may. Included by who and look, which count requests, and by keep and submit, which charge a day.
--
-- A limit is the person's own, where an admin set one, else the one that comes with the call; 0 is none. Admins have none.
-- used:{user}:{day} counts bytes uploaded and seconds of recordings submitted on a day of UTC; nothing is ever taken off.

local MINUTE = 60000000
local DAY = 86400000000
local KEPT_S = '172800'

local function most_of(user, what, usual) return tonumber(call('HGET', k_user(user), 'max_' .. what) or usual) end

-- The generic cell rate algorithm: kept is only when all requests will be free again, each being free a share of a minute later.
-- A write that a full or read-only Redis refuses is let go: who asks is answered then, uncounted.
local function count_request(who, usual, now) -- nil, or the answer that refuses; adds {limit, left, µs until all are free} to `who`
  local most = tonumber(who.most or usual)
  if most == 0 then return end
  local key, share = k_rate(who[1]), MINUTE / most
  local free = math.max(tonumber(call('GET', key) or 0), now) + share
  local left = MINUTE + now - free
  if left < 0 then return { 'LIMITED', who[1], 'requests', most, most, math.ceil(-left), free - share - now } end
  redis.pcall('SET', key, math.ceil(free), 'PX', math.ceil((free - now) / 1000))
  who[5] = { most, math.floor(left / share), free - now }
end

local function day_of(now) return stamp(math.floor(now / DAY)) end

local function refuse(user, what, amount, usual, now) -- nil, or the answer that refuses so much more of a day
  local most, used = most_of(user, what, usual), tonumber(call('HGET', k_used(user, day_of(now)), what) or 0)
  if most == 0 or amount == '0' or used + amount <= most then return end
  return { 'LIMITED', user, what, most, used, DAY - now % DAY, 0 }
end

local function charge(user, what, amount, now)
  call('HINCRBYFLOAT', k_used(user, day_of(now)), what, amount)
  call('EXPIRE', k_used(user, day_of(now)), KEPT_S)
end
