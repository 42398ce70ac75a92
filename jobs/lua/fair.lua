-- Virtual time: whose turn it is. An organisation's order in a queue is v + n * mean / weight, where v is what its runs
-- were charged (worker-microseconds / weight) and n how many it has running. Start-time fair queueing (Goyal et al., 1996):
-- the queue's clock is the virtual time of whoever was served last; when the queue falls idle it moves to the furthest
-- virtual time, so that work done while nobody else waited is no debt.

local LETTER = { high = 'h', normal = 'n', low = 'l', background = 'b' }
local PRIORITIES = { h = 'high', n = 'normal', l = 'low', b = 'background' }
local ORDER = { 'high', 'normal', 'low', 'background' }
local IDLE_TTL_S = '86400'

local function fair_read(queue, org)
  local f = call('HMGET', k_fair(queue, org), 'v', 'n', 'p')
  local c = call('HMGET', k_clock(queue), 'v', 'f', 'm', 'n')
  local weight = tonumber(call('HGET', k_org(org), 'weight') or 1)
  return { key = k_fair(queue, org), queue = queue, org = org, weight = weight > 0 and weight or 1,
           v = tonumber(f[1] or 0), n = tonumber(f[2] or 0), p = f[3] or '',
           clock = tonumber(c[1] or 0), furthest = tonumber(c[2] or 0), mean = tonumber(c[3] or SECOND), running = tonumber(c[4] or 0) }
end

local function fair_place(f) -- in every priority in which it waits
  local order = stamp(f.v + f.n * f.mean / f.weight)
  for letter in string.gmatch(f.p, '.') do call('ZADD', k_ready(f.queue, PRIORITIES[letter]), order, f.org) end
end

local function fair_wait(queue, org, priority) -- a task entered a lane
  local waiting = call('HGET', k_fair(queue, org), 'p')
  if waiting and string.find(waiting, LETTER[priority], 1, true) then return end
  local f = fair_read(queue, org)
  if f.p == '' and f.n == 0 then -- comes back after idling: no credit
    f.v = math.max(f.v, f.clock)
    call('PERSIST', f.key)
  end
  f.p = f.p .. LETTER[priority]
  call('HSET', f.key, 'v', stamp(f.v), 'n', stamp(f.n), 'p', f.p)
  fair_place(f)
end

local function fair_unwait(queue, org, priority) -- its lanes of this priority are empty
  call('ZREM', k_ready(queue, priority), org)
  local key = k_fair(queue, org)
  local f = call('HMGET', key, 'p', 'n')
  local left = string.gsub(f[1] or '', LETTER[priority], '')
  call('HSET', key, 'p', left)
  if left == '' and tonumber(f[2] or 0) == 0 then call('EXPIRE', key, IDLE_TTL_S) end
end

local function fair_take(queue, org, priority, emptied) -- a run begins
  local f = fair_read(queue, org)
  f.n = f.n + 1
  if emptied then
    f.p = string.gsub(f.p, LETTER[priority], '')
    call('ZREM', k_ready(queue, priority), org)
  end
  call('HSET', f.key, 'v', stamp(f.v), 'n', stamp(f.n), 'p', f.p)
  call('HSET', k_clock(queue), 'v', stamp(math.max(f.clock, f.v)), 'n', stamp(f.running + 1))
  fair_place(f)
end

local function fair_charge(queue, org, us) -- a run goes on
  local f = fair_read(queue, org)
  f.v = f.v + math.max(us, 0) / f.weight
  call('HSET', f.key, 'v', stamp(f.v))
  fair_place(f)
end

local function fair_release(queue, org, us, whole_us) -- a run ended: time not charged yet, and how long it took in all
  local f = fair_read(queue, org)
  f.v = f.v + math.max(us, 0) / f.weight
  f.n = math.max(f.n - 1, 0)
  f.running = math.max(f.running - 1, 0)
  f.furthest = math.max(f.furthest, f.v)
  f.mean = f.mean + 0.1 * (math.max(whole_us, 0) - f.mean)
  if f.running == 0 and f.p == '' and call('EXISTS', k_ready(queue, 'high'), k_ready(queue, 'normal'),
      k_ready(queue, 'low'), k_ready(queue, 'background')) == 0 then
    f.clock = math.max(f.clock, f.furthest) -- the queue fell idle
  end
  call('HSET', k_clock(queue), 'v', stamp(f.clock), 'f', stamp(f.furthest), 'm', stamp(f.mean), 'n', stamp(f.running))
  if f.n == 0 and f.p == '' and f.v <= f.clock then
    call('DEL', f.key)
    return
  end
  call('HSET', f.key, 'v', stamp(f.v), 'n', stamp(f.n))
  if f.n == 0 and f.p == '' then call('EXPIRE', f.key, IDLE_TTL_S) else fair_place(f) end
end
