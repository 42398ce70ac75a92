-- A place in a quota: no more than so many runs begin in any so many seconds, over all workers.
-- ARGV 1 now (µs, '' is Redis's)  2 quota  3 runs  4 in how long (µs)  5 rq_job  6 run
-- Returns {'OK', µs to wait}: 0 is a place, taken; repeated with the same run it takes no other. {'STALE', state}.
--
-- Who waits stands in a line of its own, by priority and then by organisations in turn (a place charges its organisation one,
-- as in fair.lua), so that nobody waits behind another's backlog here either; whoever comes back finds its place there.
-- Draws no arrow.
--include base rq

local LOOKED_AT = 20 -- that wait no more, dropped a call at most
local RANK = { high = 0, normal = 1, low = 2, background = 3 }
local STEP = 1000000000 -- between priorities in the line

local now, quota, runs, span = clock_now(ARGV[1]), ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local id, run = ARGV[5], ARGV[6]
local node = locate(id)
local held = call('HMGET', node.state, node.field, node.field .. ':r', node.field .. ':u')
if held[1] ~= 'running' or held[2] ~= run then return { 'STALE', held[1] or 'cancelled' } end
if held[3] == run then return { 'OK', '0' } end
local job = job_of(node.job)
local clock, places = tonumber(call('GET', k_quota(quota)) or 0), k_quota_places(quota)
local waiting, tags = k_quota_waiting(quota), k_quota_tags(quota)

local function waits(other) -- whether it will come back for its place before long
  local its = locate(other)
  local state = its and call('HGET', its.state, its.field)
  if state == 'delayed' then return true end
  if state ~= 'ready' then return false end
  local whose, queue = job_of(its.job), line_of(its).queue
  return rq_workers(queue) > 0 and not call('HGET', k_fair(queue, whose.org), 'k') and call('SISMEMBER', k_pauses(), 'type:' .. whose.type) == 0
    and call('SISMEMBER', k_pauses(), 'queue:' .. queue) == 0
end

if not call('ZSCORE', waiting, id) then
  local tag = math.max(tonumber(call('HGET', tags, job.org) or 0), clock) + 1
  call('HSET', tags, job.org, stamp(tag))
  call('ZADD', waiting, stamp(RANK[job.priority] * STEP + tag), id)
end
local looked = 0
while looked < LOOKED_AT do
  local first = call('ZRANGE', waiting, '0', '0')[1]
  if first == id or waits(first) then break end
  call('ZREM', waiting, first)
  local its = locate(first)
  local whose = its and job_of(its.job).org
  if whose and call('HEXISTS', tags, whose) == 1 then call('HINCRBY', tags, whose, '-1') end -- it got no place: nothing to be charged
  looked = looked + 1
end

-- The place of who is that far back in the line is free a span after the one that was given away `runs` places before it.
local rank, given = call('ZRANK', waiting, id), call('LLEN', places)
local before, due = given + rank - runs, now
if before >= given then due = now + span * math.ceil((before - given + 1) / runs)
elseif before >= 0 then due = call('LINDEX', places, stamp(before)) + span end
if due > now then -- no later than is known: those before it may have gone by then
  due = math.min(due, now + (looked == LOOKED_AT and SECOND or span))
  call('HSET', node.state, node.field .. ':u', 'waits')
end
if due <= now then
  local tag = tonumber(call('ZSCORE', waiting, id)) % STEP
  call('ZREM', waiting, id)
  call('HSET', node.state, node.field .. ':u', run)
  call('RPUSH', places, stamp(now))
  call('LTRIM', places, stamp(-runs), '-1')
  call('SET', k_quota(quota), stamp(math.max(clock, tag)))
  due = now
end
local ttl_s = stamp(math.max(due - now, span) / SECOND + 86400)
for _, key in ipairs({ k_quota(quota), places, waiting, tags }) do call('EXPIRE', key, ttl_s) end
return { 'OK', stamp(due - now) }
