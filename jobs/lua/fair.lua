-- Whose turn it is. An organisation's order in a queue is v + n * mean / weight, where v is its virtual time, what its runs
-- were charged (worker-microseconds / weight), and n how many it has running. Start-time fair queueing (Goyal et al., 1996):
-- the queue's clock is the virtual time of whoever was served last; when the queue falls idle it moves to the furthest
-- virtual time, so that work done while nobody else waited is no debt.
--
-- An organisation that is paused, or has as many tasks running as it may, is parked: it waits, but stands in no order, so
-- that no claim meets it again before it is unparked.
--
-- What a call has read it keeps, and changes there and in Redis alike.

local LETTER = { high = 'h', normal = 'n', low = 'l', background = 'b' }
local PRIORITIES = { h = 'high', n = 'normal', l = 'low', b = 'background' }
local ORDER = { 'high', 'normal', 'low', 'background' }
local IDLE_TTL_S = '86400'
local MILLION = 1000000

local clocks, shares, orgs = {}, {}, {}

local function ring(queue) -- one token is enough: who is woken and leaves work behind rings again
  if call('EXISTS', k_bell(queue)) == 0 then call('RPUSH', k_bell(queue), '1') end
end

-- v now, f furthest, m mean length of a run, n running, t claims, l the priority that rule 5 served last (its place in ORDER),
-- w<letter> ids in the lanes of a priority, s share of claims that took a fresh task (millionths, rolling; for estimates)
local function clock_of(queue)
  local clock = clocks[queue]
  if not clock then
    local c = call('HMGET', k_clock(queue), 'v', 'f', 'm', 'n', 't', 'l', 'wh', 'wn', 'wl', 'wb', 's')
    clock = { v = tonumber(c[1] or 0), f = tonumber(c[2] or 0), m = tonumber(c[3] or SECOND), n = tonumber(c[4] or 0),
              t = tonumber(c[5] or 0), l = tonumber(c[6] or 0), wh = tonumber(c[7] or 0), wn = tonumber(c[8] or 0),
              wl = tonumber(c[9] or 0), wb = tonumber(c[10] or 0), s = tonumber(c[11] or MILLION) }
    clocks[queue] = clock
  end
  return clock
end

local function org_of(org)
  local known = orgs[org]
  if not known then
    local f = call('HMGET', k_org(org), 'weight', 'max_running', 'running')
    local weight = tonumber(f[1] or 1) or 1
    known = { weight = weight > 0 and weight or 1, limit = tonumber(f[2] or 0) or 0, running = tonumber(f[3] or 0) or 0 }
    orgs[org] = known
  end
  return known
end

local function share_of(queue, org)
  local key = k_fair(queue, org)
  local share = shares[key]
  if not share then
    local f, own = call('HMGET', key, 'v', 'n', 'p', 'k'), org_of(org)
    share = { key = key, queue = queue, org = org, own = own, weight = own.weight, clock = clock_of(queue),
              v = tonumber(f[1] or 0), n = tonumber(f[2] or 0), p = f[3] or '', parked = f[4] and true or false }
    shares[key] = share
  end
  return share
end

local function keep(share) -- and place it in every priority in which it waits
  call('HSET', share.key, 'v', stamp(share.v), 'n', stamp(share.n), 'p', share.p)
  if share.p == '' or share.parked then return end
  local order = stamp(share.v + share.n * share.clock.m / share.weight)
  for letter in string.gmatch(share.p, '.') do
    call('ZADD', k_ready(share.queue, PRIORITIES[letter]), order, share.org)
    if CHAINED_FIRST == 1 then call('ZADD', k_chained(share.queue, PRIORITIES[letter]), 'XX', order, share.org) end
  end
end

local function leave_order(share, priority)
  call('ZREM', k_ready(share.queue, priority), share.org)
  call('ZREM', k_turns(share.queue, priority), share.org)
  if CHAINED_FIRST == 1 then call('ZREM', k_chained(share.queue, priority), share.org) end
end

-- Who comes to wait starts at the queue's clock: no credit. Or beside the first in line where that is behind the clock: a
-- claim of another priority, or of rule 5, goes to who may be far ahead of those who wait here, and takes the clock there.
local function come_forward(share, priority)
  local start = share.clock.v
  if share.clock['w' .. LETTER[priority]] > 0 then
    local first = call('ZRANGE', k_ready(share.queue, priority), '0', '0', 'WITHSCORES')[2]
    if first then start = math.min(start, first) end
  end
  share.v = math.max(share.v, start)
end

local function fair_wait(queue, org, priority, now) -- a task entered a lane
  local share = share_of(queue, org)
  if string.find(share.p, LETTER[priority], 1, true) then return share end
  if share.p == '' and share.n == 0 then call('PERSIST', share.key) end
  come_forward(share, priority) -- while it asked for nothing here, or only for less urgent work
  share.p = share.p .. LETTER[priority]
  if not share.parked then call('ZADD', k_turns(queue, priority), stamp(now), org) end
  keep(share)
  return share
end

local function stop_waiting(share, priority) -- its lanes of this priority are empty
  share.p = string.gsub(share.p, LETTER[priority], '')
  leave_order(share, priority)
end

local function fair_unwait(queue, org, priority)
  local share = share_of(queue, org)
  stop_waiting(share, priority)
  keep(share)
  if share.p == '' and share.n == 0 then call('EXPIRE', share.key, IDLE_TTL_S) end
end

local function park(share)
  share.parked = true
  call('HSET', share.key, 'k', '1')
  call('SADD', k_parked(share.org), share.queue)
  for letter in string.gmatch(share.p, '.') do leave_order(share, PRIORITIES[letter]) end
end

-- Back into the order of every queue in which it was parked; who may still not run is parked again by the next claim.
local function unpark(org, now)
  for _, queue in ipairs(call('SMEMBERS', k_parked(org))) do
    local share = share_of(queue, org)
    share.parked = false
    call('HDEL', share.key, 'k')
    for letter in string.gmatch(share.p, '.') do
      come_forward(share, PRIORITIES[letter]) -- what it was kept from is no credit
      call('ZADD', k_turns(queue, PRIORITIES[letter]), stamp(now), org)
      if CHAINED_FIRST == 1 and rq_holds(rq_lane(queue, PRIORITIES[letter], true, org)) then
        call('ZADD', k_chained(queue, PRIORITIES[letter]), '0', org)
      end
    end
    keep(share)
    ring(queue)
  end
  call('DEL', k_parked(org))
end

local function fair_take(queue, org, priority, emptied, fresh) -- a run begins
  local share = share_of(queue, org)
  local clock, letter = share.clock, LETTER[priority]
  share.n, clock.n, clock.t, clock.v = share.n + 1, clock.n + 1, clock.t + 1, math.max(clock.v, share.v)
  clock.s = clock.s + math.max(1 / clock.t, 0.02) * ((fresh and MILLION or 0) - clock.s)
  if share.own.limit > 0 then share.own.running = call('HINCRBY', k_org(org), 'running', '1') end
  if emptied then stop_waiting(share, priority) end
  call('HSET', k_clock(queue), 'v', stamp(clock.v), 'n', stamp(clock.n), 't', stamp(clock.t), 's', stamp(clock.s),
    'w' .. letter, stamp(clock['w' .. letter]))
  keep(share)
end

local function fair_charge(queue, org, us) -- a run goes on
  local share = share_of(queue, org)
  share.v = share.v + math.max(us, 0) / share.weight
  keep(share)
end

local function fair_release(queue, org, us, whole_us, now) -- a run ended: time not charged yet, and how long it took in all
  local share = share_of(queue, org)
  local clock, own = share.clock, share.own
  share.v = share.v + math.max(us, 0) / share.weight
  share.n, clock.n = math.max(share.n - 1, 0), math.max(clock.n - 1, 0)
  clock.f = math.max(clock.f, share.v)
  local weight = math.max(1 / math.max(clock.t - clock.n, 1), 0.1) -- the first ten count alike
  clock.m = clock.m + weight * (math.max(whole_us, 0) - clock.m)
  if clock.n == 0 and share.p == '' and call('EXISTS', k_ready(queue, 'high'), k_ready(queue, 'normal'),
      k_ready(queue, 'low'), k_ready(queue, 'background')) == 0 then
    clock.v = math.max(clock.v, clock.f) -- the queue fell idle
  end
  call('HSET', k_clock(queue), 'v', stamp(clock.v), 'f', stamp(clock.f), 'm', stamp(clock.m), 'n', stamp(clock.n))
  if share.n > 0 or share.p ~= '' then
    keep(share)
  elseif share.v <= clock.v and clock.wh + clock.wn + clock.wl + clock.wb == 0 then -- whoever comes next starts at the clock
    call('DEL', share.key)
    shares[share.key] = nil
  else
    keep(share)
    call('EXPIRE', share.key, IDLE_TTL_S)
  end
  if own.limit > 0 then
    own.running = call('HINCRBY', k_org(org), 'running', '-1')
    unpark(org, now)
  end
end
