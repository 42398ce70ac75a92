-- Whose turn it is. An organisation's order in a queue is v + n * mean / weight, where v is its virtual time, what its runs
-- were charged (worker-microseconds / weight), and n how many it has running. Start-time fair queueing (Goyal et al., 1996):
-- the queue's clock is the virtual time of whoever was served last; when the queue falls idle it moves to the furthest
-- virtual time, so that work done while nobody else waited is no debt.
--
-- An organisation that is paused, or has as many tasks running as it may, is parked: it waits, but stands in no order, so
-- that no claim meets it again before it is unparked.
--
-- What a call has read it keeps and changes there; `write_back` writes it when the call ends. The order is written earlier where
-- it counts: of each queue one share at most is in hand, its place known but not written. Times are whole microseconds.

local LETTER = { high = 'h', normal = 'n', low = 'l', background = 'b' }
local PRIORITIES = { h = 'high', n = 'normal', l = 'low', b = 'background' }
local ORDER = { 'high', 'normal', 'low', 'background' }
local IDLE_TTL_S = '86400'
local TURN = 10        -- one claim in so many serves the lower priorities
local MILLION = 1000000

local clocks, shares, orgs = {}, {}, {}

local function ring(queue) -- one token is enough: who is woken and leaves work behind rings again
  if call('EXISTS', k_bell(queue)) == 0 then call('RPUSH', k_bell(queue), '1') end
end

local CLOCK = { 'v', 'f', 'm', 'n', 't', 'l', 'wh', 'wn', 'wl', 'wb', 's', 'd' }
local AT_FIRST = { m = SECOND, s = MILLION, d = TURN - 1 }

-- v now, f furthest, m mean length of a run, n running, t claims, l the priority that rule 5 served last (its place in ORDER),
-- d the t of its next turn,
-- w<letter> ids in the lanes of a priority, s share of claims that took a fresh task (millionths, rolling; for estimates)
local function clock_of(queue)
  local clock = clocks[queue]
  if not clock then
    local was = call('HMGET', k_clock(queue), unpack(CLOCK))
    clock = { was = was, held = false, v = 0, f = 0, m = 0, n = 0, t = 0, l = 0, wh = 0, wn = 0, wl = 0, wb = 0, s = 0, d = 0 }
    for i, name in ipairs(CLOCK) do
      local value = was[i] and tonumber(was[i]) or AT_FIRST[name] or 0
      was[i], clock[name] = value, value
    end
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
    local f, own = call('HMGET', key, 'v', 'n', 'p', 'k', 'c'), org_of(org)
    share = { key = key, queue = queue, org = org, own = own, weight = own.weight, clock = clock_of(queue),
              v = tonumber(f[1] or 0), n = tonumber(f[2] or 0), p = f[3] or '', parked = f[4] and true or false,
              c = f[5] or '', was = f[5] or '', changed = false, order = 0 }
    share.expires = f[1] and share.p == '' and share.n == 0
    shares[key] = share
  end
  return share
end

local function place(share) -- in every priority in which it waits
  share.clock.held = false
  if share.p == '' or share.parked then return end
  for letter in string.gmatch(share.p, '.') do
    call('ZADD', k_ready(share.queue, PRIORITIES[letter]), stamp(share.order), share.org)
    if CHAINED_FIRST == 1 then call('ZADD', k_chained(share.queue, PRIORITIES[letter]), 'XX', stamp(share.order), share.org) end
  end
end

local function place_held(clock, but) -- now, unless it is that of `but`
  if clock.held and clock.held ~= but then place(clock.held) end
end

local function keep(share) -- it has changed, and with it its place
  share.changed = true
  share.order = math.floor(share.v + share.n * share.clock.m / share.weight)
  place_held(share.clock, share)
  share.clock.held = share
end

local function write_back()
  for _, share in pairs(shares) do
    if share.changed then
      call('HSET', share.key, 'v', stamp(share.v), 'n', stamp(share.n), 'p', share.p)
      if share.c ~= share.was then call('HSET', share.key, 'c', share.c) end
      if share.p == '' and share.n == 0 then call('EXPIRE', share.key, IDLE_TTL_S)
      elseif share.expires then call('PERSIST', share.key) end
    end
  end
  for queue, clock in pairs(clocks) do
    place_held(clock)
    local fields, count, was = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }, 0, clock.was
    for i, name in ipairs(CLOCK) do
      if clock[name] ~= was[i] then fields[count + 1], fields[count + 2], count = name, stamp(clock[name]), count + 2 end
    end
    if count > 0 then call('HSET', k_clock(queue), unpack(fields, 1, count)) end
  end
  write_jobs()
end

local function anybody_waits(queue)
  local held = clock_of(queue).held
  return (held and held.p ~= '' and not held.parked)
      or call('EXISTS', k_ready(queue, 'high'), k_ready(queue, 'normal'), k_ready(queue, 'low'), k_ready(queue, 'background')) > 0
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
  place_held(share.clock, share)
  if share.clock['w' .. LETTER[priority]] > 0 then
    local first = call('ZRANGE', k_ready(share.queue, priority), '0', '0', 'WITHSCORES')[2]
    if first then start = math.min(start, first) end
  end
  share.v = math.max(share.v, start)
end

local function fair_wait(queue, org, priority, now) -- a task entered a lane
  local share = share_of(queue, org)
  if string.find(share.p, LETTER[priority], 1, true) then return share end
  come_forward(share, priority) -- while it asked for nothing here, or only for less urgent work
  share.p = share.p .. LETTER[priority]
  if not share.parked then call('ZADD', k_turns(queue, priority), stamp(now), org) end
  keep(share)
  return share
end

local function stop_waiting(share, priority) -- its lanes of this priority are empty
  share.p, share.c = string.gsub(share.p, LETTER[priority], ''), (string.gsub(share.c, LETTER[priority], ''))
  leave_order(share, priority)
end

local function fair_unwait(queue, org, priority)
  local share = share_of(queue, org)
  stop_waiting(share, priority)
  keep(share)
end

local function park(share)
  share.parked = true
  call('HSET', share.key, 'k', '1')
  call('SADD', k_parked(share.org), share.queue)
  for letter in string.gmatch(share.p, '.') do
    call('HSET', share.key, 'y' .. letter, call('ZSCORE', k_turns(share.queue, PRIORITIES[letter]), share.org) or '')
    leave_order(share, PRIORITIES[letter])
  end
end

-- Back into the order of every queue in which it was parked; who may still not run is parked again by the next claim.
local function unpark(org, now)
  for _, queue in ipairs(call('SMEMBERS', k_parked(org))) do
    local share = share_of(queue, org)
    share.parked = false
    call('HDEL', share.key, 'k')
    for letter in string.gmatch(share.p, '.') do
      local since = tonumber(call('HGET', share.key, 'y' .. letter) or now)
      come_forward(share, PRIORITIES[letter]) -- what it was kept from is no credit; its turn of rule 5 comes as if it had not been
      call('HDEL', share.key, 'y' .. letter)
      call('ZADD', k_turns(queue, PRIORITIES[letter]), stamp(since or now), org)
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
  local clock = share.clock
  share.n, clock.n, clock.t, clock.v = share.n + 1, clock.n + 1, clock.t + 1, math.max(clock.v, share.v)
  clock.s = math.floor(clock.s + math.max(1 / clock.t, 0.02) * ((fresh and MILLION or 0) - clock.s))
  if share.own.limit > 0 then share.own.running = call('HINCRBY', k_org(org), 'running', '1') end
  if emptied then stop_waiting(share, priority) end
  keep(share)
end

local function fair_charge(queue, org, us) -- a run goes on
  local share = share_of(queue, org)
  share.v = share.v + math.floor(math.max(us, 0) / share.weight)
  keep(share)
end

local function fair_release(queue, org, us, whole_us, now) -- a run ended: time not charged yet, and how long it took in all, if it was not given back
  local share = share_of(queue, org)
  local clock, own = share.clock, share.own
  share.v = share.v + math.floor(math.max(us, 0) / share.weight)
  share.n, clock.n = math.max(share.n - 1, 0), math.max(clock.n - 1, 0)
  clock.f = math.max(clock.f, share.v)
  local weight = math.max(1 / math.max(clock.t - clock.n, 1), 0.1) -- the first ten count alike
  if whole_us then clock.m = math.floor(clock.m + weight * (math.max(whole_us, 0) - clock.m)) end
  if clock.n == 0 and share.p == '' and not anybody_waits(queue) then clock.v = math.max(clock.v, clock.f) end -- the queue fell idle
  if share.n == 0 and share.p == '' and share.v <= clock.v and clock.wh + clock.wn + clock.wl + clock.wb == 0 then
    call('DEL', share.key) -- whoever comes next starts at the clock
    shares[share.key] = nil
    if clock.held == share then clock.held = false end
  else keep(share) end
  if own.limit > 0 then
    own.running = call('HINCRBY', k_org(org), 'running', '-1')
    unpark(org, now)
  end
end
