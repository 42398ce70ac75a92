-- Virtual time: whose turn it is. An organisation's order in a queue is v + n * mean / weight, where v is what its runs
-- were charged (worker-microseconds / weight) and n how many it has running. Start-time fair queueing (Goyal et al., 1996):
-- the queue's clock is the virtual time of whoever was served last; when the queue falls idle it moves to the furthest
-- virtual time, so that work done while nobody else waited is no debt.
--
-- What a call has read it keeps, and changes there and in Redis alike: {key, queue, org, weight, v, n, p, clock}.

local LETTER = { high = 'h', normal = 'n', low = 'l', background = 'b' }
local PRIORITIES = { h = 'high', n = 'normal', l = 'low', b = 'background' }
local ORDER = { 'high', 'normal', 'low', 'background' }
local IDLE_TTL_S = '86400'

local clocks, shares = {}, {}

local function clock_of(queue) -- v now, f furthest, m mean length of a run, n running
  local clock = clocks[queue]
  if not clock then
    local c = call('HMGET', k_clock(queue), 'v', 'f', 'm', 'n')
    clock = { v = tonumber(c[1] or 0), f = tonumber(c[2] or 0), m = tonumber(c[3] or SECOND), n = tonumber(c[4] or 0) }
    clocks[queue] = clock
  end
  return clock
end

local function share_of(queue, org)
  local key = k_fair(queue, org)
  local share = shares[key]
  if not share then
    local f, weight = call('HMGET', key, 'v', 'n', 'p'), tonumber(call('HGET', k_org(org), 'weight') or 1) or 1
    share = { key = key, queue = queue, org = org, weight = weight > 0 and weight or 1,
              v = tonumber(f[1] or 0), n = tonumber(f[2] or 0), p = f[3] or '', clock = clock_of(queue) }
    shares[key] = share
  end
  return share
end

local function keep(share) -- and place it in every priority in which it waits
  call('HSET', share.key, 'v', stamp(share.v), 'n', stamp(share.n), 'p', share.p)
  if share.p == '' then return end
  local order = stamp(share.v + share.n * share.clock.m / share.weight)
  for letter in string.gmatch(share.p, '.') do call('ZADD', k_ready(share.queue, PRIORITIES[letter]), order, share.org) end
end

local function fair_wait(queue, org, priority) -- a task entered a lane
  local share = share_of(queue, org)
  if string.find(share.p, LETTER[priority], 1, true) then return end
  if share.p == '' and share.n == 0 then call('PERSIST', share.key) end
  share.v = math.max(share.v, share.clock.v) -- while it asked for nothing here, or only for less urgent work: no credit
  share.p = share.p .. LETTER[priority]
  keep(share)
end

local function stop_waiting(share, priority) -- its lanes of this priority are empty
  share.p = string.gsub(share.p, LETTER[priority], '')
  call('ZREM', k_ready(share.queue, priority), share.org)
end

local function fair_unwait(queue, org, priority)
  local share = share_of(queue, org)
  stop_waiting(share, priority)
  keep(share)
  if share.p == '' and share.n == 0 then call('EXPIRE', share.key, IDLE_TTL_S) end
end

local function fair_take(queue, org, priority, emptied) -- a run begins
  local share = share_of(queue, org)
  local clock = share.clock
  share.n, clock.n, clock.v = share.n + 1, clock.n + 1, math.max(clock.v, share.v)
  if emptied then stop_waiting(share, priority) end
  call('HSET', k_clock(queue), 'v', stamp(clock.v), 'n', stamp(clock.n))
  keep(share)
end

local function fair_charge(queue, org, us) -- a run goes on
  local share = share_of(queue, org)
  share.v = share.v + math.max(us, 0) / share.weight
  keep(share)
end

local function fair_release(queue, org, us, whole_us) -- a run ended: time not charged yet, and how long it took in all
  local share = share_of(queue, org)
  local clock = share.clock
  share.v = share.v + math.max(us, 0) / share.weight
  share.n, clock.n = math.max(share.n - 1, 0), math.max(clock.n - 1, 0)
  clock.f = math.max(clock.f, share.v)
  clock.m = clock.m + 0.1 * (math.max(whole_us, 0) - clock.m)
  if clock.n == 0 and share.p == '' and call('EXISTS', k_ready(queue, 'high'), k_ready(queue, 'normal'),
      k_ready(queue, 'low'), k_ready(queue, 'background')) == 0 then
    clock.v = math.max(clock.v, clock.f) -- the queue fell idle
  end
  call('HSET', k_clock(queue), 'v', stamp(clock.v), 'f', stamp(clock.f), 'm', stamp(clock.m), 'n', stamp(clock.n))
  if share.n > 0 or share.p ~= '' then return keep(share) end
  if share.v <= clock.v then
    call('DEL', share.key)
  else
    keep(share)
    call('EXPIRE', share.key, IDLE_TTL_S)
  end
end
