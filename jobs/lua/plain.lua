-- A plain RQ job: enqueued by another program, run by a worker of ours on RQ's own code, as organisation `rq`. It has no graph and
-- no attempts; what is kept of it is its run, and how often one was lost. Needs base, rq, fair, lanes, settle.
--
-- Where ids of tasks stand (leases, a worker's last claim, a worker's calls) its own stands as `@<id>`; in its lane and in RQ bare.
-- waiting -> running -> (nothing) | waiting

local PLAIN_ORG = 'rq'
local PLAIN_PRIORITY = 'normal'
local PLAIN_TTL_S = '86400' -- of what is kept of one that waits again: RQ's tools may delete it meanwhile

-- The id behind the @, which is 64, or nil for a task's.
local function plain_named(id) return id and string.byte(id) == 64 and string.sub(id, 2) or nil end

local function plain_push(id, queue, front, now) -- as line_up does with a task
  rq_push(rq_lane(queue, PLAIN_PRIORITY, false, PLAIN_ORG), front, id)
  local share = fair_wait(queue, PLAIN_ORG, PLAIN_PRIORITY, now)
  share.clock.wn = share.clock.wn + 1
  if not front then call('HINCRBY', share.key, tail_of(PLAIN_PRIORITY, false), '1') end
  if not share.parked then ring(queue) end
end

local function plain_of(id) -- nil unless it runs
  local f = call('HMGET', k_plain(id), 'run', 'worker', 'queue', 'origin', 'began', 'lost', 'anew', 'reason')
  return f[1] and { id = id, run = f[1], worker = f[2], queue = f[3], origin = f[4], began = tonumber(f[5]), lost = tonumber(f[6] or 0),
                    anew = f[7], reason = f[8] or '' }
end

local function plain_reply(p) return { 'PLAIN', '@' .. p.id, p.queue, tostring(p.lost), p.reason, stamp(p.began) } end

-- waiting -> running; RQ shows it from now on, and the started registry tells whether RQ's own code has committed an outcome
local function plain_begin(id, queue, run, worker, now)
  local origin = rq_origin(id) or queue
  call('HSET', k_plain(id), 'run', run, 'worker', worker, 'queue', queue, 'origin', origin, 'began', stamp(now))
  call('PERSIST', k_plain(id))
  call('ZADD', k_leases(), stamp(now + LEASE_US), '@' .. id .. ':' .. run)
  rq_show_started({ id = id }, origin, run, worker, now, now, EXECUTION_S)
  return plain_reply(plain_of(id))
end

-- The lease says until when its time was charged: what is kept of a run changes only when it ends, as RQ's code watches it.
local function plain_charged(p)
  local ends = call('ZSCORE', k_leases(), '@' .. p.id .. ':' .. p.run)
  return ends and tonumber(ends) - LEASE_US or p.began
end

local function plain_renew(id, run, now) -- returns what renew answers
  local p = plain_of(id)
  if not p or p.run ~= run then return 'stale' end
  fair_charge(p.queue, PLAIN_ORG, now - plain_charged(p))
  call('ZADD', k_leases(), stamp(now + LEASE_US), '@' .. p.id .. ':' .. p.run)
  rq_keep_started({ id = p.id }, p.run, p.worker, now, EXECUTION_S)
  return 'held'
end

-- Its run is over. RQ's code takes it out of the started registry with the outcome, in one transaction: what still stands there
-- has none, and waits again at the front of its lane. What was enqueued anew while it ran waits again in any case.
-- Returns true when it had no outcome.
local function plain_end(p, now, lost, reason, seen) -- seen: when it was last at work, if that was before now
  local charged = plain_charged(p)
  call('ZREM', k_leases(), '@' .. p.id .. ':' .. p.run) -- first: what frees something may write on in a full Redis
  local until_us = seen or now
  fair_release(p.queue, PLAIN_ORG, until_us - charged, until_us - p.began, now)
  local open = rq_unshow_started({ id = p.id }, p.origin, p.run, p.worker)
  if rq_knows({ id = p.id }) and (open or p.anew) then
    rq_queued({ id = p.id }, now)
    rq_unexpire(p.id)
    call('HDEL', k_plain(p.id), 'run', 'worker', 'began', 'anew')
    call('HSET', k_plain(p.id), 'lost', open and p.lost + lost or 0, 'reason', open and reason or '')
    call('EXPIRE', k_plain(p.id), PLAIN_TTL_S)
    plain_push(p.id, p.queue, open, now)
  else
    call('DEL', k_plain(p.id))
  end
  return open
end

local function plain_lose(id, run, now, reason, silent) -- returns false when that run does not hold it
  local p = plain_of(id)
  if not p or p.run ~= run then return false end
  plain_end(p, now, 1, reason, silent and plain_charged(p))
  return true
end
