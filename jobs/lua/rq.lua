-- RQ's layout (rq 3.0): the only Lua that knows it. rq_jobs, lanes, registries, executions, results.
--
-- pending, joining: deferred    ready: queued    delayed: scheduled    running: started (once a renew shows it)
-- completed: finished           skipped, failed: failed                cancelled: canceled

local LANES_LISTED = 200    -- a poll of rq-dashboard costs 7 commands a queue
local FINISHED_TTL_S = '500' -- RQ's own default for results
-- What is scheduled is scored 400 years late, a whole cycle of the calendar: RQ's schedulers never find it due, and whoever
-- looks reads the right day, hour and weekday, of another century (docs/decisions/0050-the-inbox.md).
local CALENDAR_S = 12622780800

local seconds = {} -- the texts of those that were written
local function second_of(whole) -- 2026-11-22T06:34:23; days to civil date after Howard Hinnant's algorithm
  local days, rest = math.floor(whole / 86400), whole % 86400
  local z = days + 719468
  local era = math.floor(z / 146097)
  local doe = z - era * 146097
  local yoe = math.floor((doe - math.floor(doe / 1460) + math.floor(doe / 36524) - math.floor(doe / 146096)) / 365)
  local doy = doe - (365 * yoe + math.floor(yoe / 4) - math.floor(yoe / 100))
  local mp = math.floor((5 * doy + 2) / 153)
  local day, month = doy - math.floor((153 * mp + 2) / 5) + 1, mp < 10 and mp + 3 or mp - 9
  local year = yoe + era * 400 + (month <= 2 and 1 or 0)
  local text = string.format('%04d-%02d-%02dT%02d:%02d:%02d', year, month, day, math.floor(rest / 3600), math.floor(rest % 3600 / 60), rest % 60)
  seconds[whole] = text
  return text
end

local function iso(us) -- 2026-11-22T06:34:23.123456Z
  local whole = math.floor(us / SECOND)
  return (seconds[whole] or second_of(whole)) .. string.format('.%06dZ', us % SECOND)
end

-- Whole seconds, as RQ's scores are.
local function unix(us, more_s) return stamp(us / SECOND + (more_s or 0)) end

local function rq_key(id) return 'rq:job:' .. id end
local function rq_lane(queue, priority, chained, org)
  return queue .. '.' .. priority .. (chained and '.chained.' or '.fresh.') .. org
end

-- Writes to an rq_job unless one of RQ's tools has deleted it, which costs no call: each has a `status`, so that all fields
-- are new only when there was none. It stays gone then, for the next who meets its task to know. Returns whether it is there.
local function rq_write(node, ...)
  if call('HSET', rq_key(node.id), ...) * 2 < select('#', ...) then return true end
  call('DEL', rq_key(node.id))
  return false
end

local function rq_create(node, line, kind, now, status) -- deferred or queued
  local fields = { 'data', '["lectern.' .. line.engine .. '",null,["' .. node.job .. '"],{}]',
    'description', kind .. ': ' .. line.engine, 'origin', line.queue, 'created_at', iso(now), 'status', status }
  if status == 'queued' then
    fields[11], fields[12] = 'enqueued_at', iso(now)
  else
    call('ZADD', 'rq:deferred:' .. line.queue, unix(now), node.id)
  end
  call('HSET', rq_key(node.id), unpack(fields))
end

local function rq_deferred(node, queue, now)
  if rq_write(node, 'status', 'deferred') then call('ZADD', 'rq:deferred:' .. queue, unix(now), node.id) end
end

-- An rq_job expires before its task is forgotten, once that has ended; before, only a tool can delete it.
local function rq_knows(node) return call('EXISTS', rq_key(node.id)) == 1 end
local function rq_knows_both(node, parent) return call('EXISTS', rq_key(node.id), rq_key(parent.id)) == 2 end

local function rq_knows_all(ids)
  for first = 1, #ids, 1000 do
    local keys = {}
    for i = first, math.min(first + 999, #ids) do keys[#keys + 1] = rq_key(ids[i]) end
    if call('EXISTS', unpack(keys)) < #keys then return false end
  end
  return true
end

local function rq_queued(node, now) return rq_write(node, 'status', 'queued', 'enqueued_at', iso(now)) end

local function rq_scheduled(node, queue, due)
  if rq_write(node, 'status', 'scheduled') then call('ZADD', 'rq:scheduled:' .. queue, unix(due, CALENDAR_S), node.id) end
end

local function rq_show_started(node, queue, run, worker, began, now, ttl_s)
  local member = node.id .. ':' .. run
  call('HSET', rq_key(node.id), 'status', 'started', 'started_at', iso(began), 'worker_name', worker, 'last_heartbeat', iso(now))
  call('ZADD', 'rq:wip:' .. queue, '+inf', member) -- a finite score would let RQ's own cleaning fail it
  call('HSET', 'rq:execution:' .. member, 'id', run, 'job_id', node.id, 'created_at', began / SECOND,
    'last_heartbeat', now / SECOND, 'worker_name', worker)
  call('ZADD', 'rq:executions:' .. node.id, '+inf', run)
  call('SADD', 'rq:worker:' .. worker .. ':executions', member)
  call('EXPIRE', 'rq:execution:' .. member, ttl_s)
  call('EXPIRE', 'rq:executions:' .. node.id, ttl_s)
  call('EXPIRE', 'rq:worker:' .. worker .. ':executions', ttl_s)
end

local function rq_keep_started(node, run, worker, now, ttl_s)
  local member = node.id .. ':' .. run
  call('HSET', 'rq:execution:' .. member, 'last_heartbeat', now / SECOND)
  call('EXPIRE', 'rq:execution:' .. member, ttl_s)
  call('EXPIRE', 'rq:executions:' .. node.id, ttl_s)
  call('EXPIRE', 'rq:worker:' .. worker .. ':executions', ttl_s)
end

local function rq_unshow_started(node, queue, run, worker) -- returns whether RQ showed it
  local member = node.id .. ':' .. run
  local shown = call('ZREM', 'rq:wip:' .. queue, member)
  call('DEL', 'rq:execution:' .. member, 'rq:executions:' .. node.id)
  call('SREM', 'rq:worker:' .. worker .. ':executions', member)
  return shown == 1
end

local function rq_finished(node, queue, began, now, worker) -- returns whether the rq_job was still there
  if not rq_write(node, 'status', 'finished', 'started_at', iso(began), 'ended_at', iso(now), 'worker_name', worker) then return false end
  call('EXPIRE', rq_key(node.id), FINISHED_TTL_S)
  call('ZADD', 'rq:finished:' .. queue, unix(now, FINISHED_TTL_S), node.id)
  return true
end

-- exc: the error as RQ's results hold it (base64 of zlib), made by the caller
local function rq_failed(node, queue, now, ttl_s, worker, exc)
  if not rq_write(node, 'status', 'failed', 'ended_at', iso(now)) then return end
  call('EXPIRE', rq_key(node.id), ttl_s)
  call('ZADD', 'rq:failed:' .. queue, unix(now, ttl_s), node.id)
  if exc ~= '' then
    local results = 'rq:results:' .. node.id
    call('XADD', results, 'MAXLEN', 1, '*', 'type', 2, 'worker_name', worker, 'exc_string', exc)
    call('COPY', results, results .. ':copy') -- a new stream is given room for 4 KB, a copy only what it needs
    call('RENAME', results .. ':copy', results)
    call('EXPIRE', results, ttl_s)
  end
end

local function rq_canceled(node, queue, now, ttl_s)
  if not rq_write(node, 'status', 'canceled', 'ended_at', iso(now)) then return end
  call('EXPIRE', rq_key(node.id), ttl_s)
  call('ZADD', 'rq:canceled:' .. queue, unix(now, ttl_s), node.id)
end

-- Takes the id out of the registries of what it was before. A lane keeps its tombstone: LREM is never used.
local function rq_leave(node, queue, state)
  if state == 'pending' or state == 'joining' then call('ZREM', 'rq:deferred:' .. queue, node.id)
  elseif state == 'delayed' then call('ZREM', 'rq:scheduled:' .. queue, node.id)
  elseif state == 'failed' or state == 'skipped' then
    call('ZREM', 'rq:failed:' .. queue, node.id)
    call('PERSIST', rq_key(node.id))
    call('DEL', 'rq:results:' .. node.id)
  elseif state == 'cancelled' then
    call('ZREM', 'rq:canceled:' .. queue, node.id)
    call('PERSIST', rq_key(node.id))
  elseif state == 'completed' then
    call('ZREM', 'rq:finished:' .. queue, node.id)
    call('PERSIST', rq_key(node.id))
  end
end

local function rq_delete(node) call('DEL', rq_key(node.id), 'rq:results:' .. node.id, 'rq:executions:' .. node.id) end

-- The inbox of a queue: the list to which RQ's tools push what they want to run. A claim asks for all of its queues at once,
-- and for the key that `rq suspend` sets.
local function rq_suspended() return call('EXISTS', 'rq:suspended') == 1 end
local function rq_steered(queues)
  local keys = { 'rq:suspended' }
  for queue in string.gmatch(queues, '%S+') do keys[#keys + 1] = 'rq:queue:' .. queue end
  return unpack(keys)
end
local function rq_asked(queue) return call('EXISTS', 'rq:queue:' .. queue) == 1 end
local function rq_take_in(queue) return call('LPOP', 'rq:queue:' .. queue) end

-- RQ jobs of others.
local function rq_is_job(id) return string.find(id, '^[%w_-]+$') and call('TYPE', rq_key(id)).ok == 'hash' end
local function rq_origin(id)
  local origin = call('HGET', rq_key(id), 'origin')
  return origin ~= '' and origin or nil
end
local function rq_waits(id) -- neither cancelled nor deleted since it was enqueued, nor done already by somebody else
  local status = call('HGET', rq_key(id), 'status')
  return status == 'queued' or status == 'created'
end
-- What stands in an inbox is to run, even if it has ended since it was pushed there (it was enqueued again while it ran).
local function rq_enqueued(node, now)
  if rq_waits(node.id) then return true end
  if call('HGET', rq_key(node.id), 'status') == 'canceled' then return false end
  call('PERSIST', rq_key(node.id))
  return rq_queued(node, now)
end
local function rq_unexpire(id) call('PERSIST', rq_key(id)) end

-- Ids in RQ's registry of cancelled jobs that are due to be looked at: RQ scores them with when they were cancelled. What is not
-- ours stays there for ever, as RQ would have it.
local function rq_cancels(queue, now, count) return call('ZRANGEBYSCORE', 'rq:canceled:' .. queue, '-inf', unix(now), 'LIMIT', '0', count) end
local function rq_drop_canceled(queue, id) call('ZREM', 'rq:canceled:' .. queue, id) end
local function rq_keep_canceled(queue, id)
  if call('EXISTS', rq_key(id)) == 1 then call('ZADD', 'rq:canceled:' .. queue, '+inf', id) else rq_drop_canceled(queue, id) end
end

-- Undo what a tool has made of the view of an rq_job of ours, before it is shown as it is.
local function rq_forget_tools(node, queue)
  call('ZREM', 'rq:failed:' .. queue, node.id)
  call('ZREM', 'rq:canceled:' .. queue, node.id)
  call('PERSIST', rq_key(node.id))
end

local function rq_keep(queue, now) -- listed for ever; and what RQ's cleaning would do, were a stock worker there
  call('SADD', 'rq:queues', 'rq:queue:' .. queue)
  for _, registry in ipairs({ 'rq:finished:', 'rq:failed:' }) do
    call('ZREMRANGEBYSCORE', registry .. queue, '0', unix(now))
  end
end

-- How many workers of a queue live: of one that was killed its name stays for a while, but its own key expires.
local function rq_workers(queue)
  local named = call('SRANDMEMBER', 'rq:workers:' .. queue, '100')
  return #named > 0 and call('EXISTS', unpack(named)) or 0
end

-- Lanes: RQ queues, listed in rq:queues while they hold something.
local function rq_push(lane, front, id)
  local length = call(front and 'LPUSH' or 'RPUSH', 'rq:queue:' .. lane, id)
  if length == 1 and call('SCARD', 'rq:queues') < LANES_LISTED then call('SADD', 'rq:queues', 'rq:queue:' .. lane) end
  return length
end

local function rq_length(lane) return call('LLEN', 'rq:queue:' .. lane) end
local function rq_pop(lane) return call('LPOP', 'rq:queue:' .. lane) end

-- After a pop of `id`, in one call as a rule: whether the lane holds more, and whether the rq_job is still there.
local function rq_left(lane, id)
  local key = 'rq:queue:' .. lane
  local found = id and call('EXISTS', key, rq_key(id)) or call('EXISTS', key)
  if found == 2 then return true, true end
  local holds = found == 1 and call('EXISTS', key) == 1
  if not holds then call('SREM', 'rq:queues', key) end
  return holds, found == 1 and not holds
end

local function rq_holds(lane) -- and takes it off the list once empty
  if call('EXISTS', 'rq:queue:' .. lane) == 1 then return true end
  call('SREM', 'rq:queues', 'rq:queue:' .. lane)
  return false
end

-- For doctor: what RQ has of a task, and how to put it right.
local function rq_registries() return { 'deferred', 'scheduled', 'finished', 'failed', 'canceled' } end

local function rq_seen(node, queue, run) -- status, origin, whether it is in the inbox, the registries that have it
  local told, registries = call('HMGET', rq_key(node.id), 'status', 'origin'), {}
  for _, name in ipairs(rq_registries()) do
    if call('ZSCORE', 'rq:' .. name .. ':' .. queue, node.id) then registries[#registries + 1] = name end
  end
  if run and call('ZSCORE', 'rq:wip:' .. queue, node.id .. ':' .. run) then registries[#registries + 1] = 'wip' end
  local inbox = call('EXISTS', 'rq:queue:' .. queue) == 1 and call('LPOS', 'rq:queue:' .. queue, node.id, 'MAXLEN', '1000')
  return told[1] or '', told[2] or '', inbox, registries
end

local function rq_out_of(node, queue, run, kept) -- of every registry but `kept`
  for _, name in ipairs(rq_registries()) do
    if name ~= kept then call('ZREM', 'rq:' .. name .. ':' .. queue, node.id) end
  end
  if kept ~= 'wip' and run then call('ZREM', 'rq:wip:' .. queue, node.id .. ':' .. run) end
end

-- As slow as the lane is long.
local function rq_place(lane, id) return call('LPOS', 'rq:queue:' .. lane, id) end
local function rq_at(lane, place) return place >= 0 and call('LINDEX', 'rq:queue:' .. lane, stamp(place)) end
local function rq_last(lane, count) return call('LRANGE', 'rq:queue:' .. lane, stamp(-count), '-1') end
local function rq_listed(lane) -- 1 or 0; - where there is no room
  local listed = call('SISMEMBER', 'rq:queues', 'rq:queue:' .. lane)
  return listed == 0 and call('SCARD', 'rq:queues') >= LANES_LISTED and '-' or listed
end
local function rq_list(lane) -- as rq_push and rq_holds do
  if rq_length(lane) == 0 then call('SREM', 'rq:queues', 'rq:queue:' .. lane)
  elseif call('SCARD', 'rq:queues') < LANES_LISTED then call('SADD', 'rq:queues', 'rq:queue:' .. lane) end
end
local function rq_set_origin(node, queue) call('HSET', rq_key(node.id), 'origin', queue) end
local function rq_registry(name, queue) return 'rq:' .. name .. ':' .. queue end

-- For samples of the queues.
local function rq_queues() return call('SMEMBERS', 'rq:queues') end
local function rq_ended(registry, queue, from, to, ttl_s) -- how many of its members ended from `from` until before `to` (s)
  return call('ZCOUNT', 'rq:' .. registry .. ':' .. queue, stamp(from + ttl_s), '(' .. stamp(to + ttl_s))
end
local function unix_of(text) -- an ISO time, in whole seconds; to days as second_of goes back from them
  local year, month, day, hour, minute, second = string.match(text, '^(%d+)-(%d+)-(%d+)T(%d+):(%d+):(%d+)')
  if not year then return nil end
  local y, m = tonumber(year), tonumber(month)
  if m <= 2 then y, m = y - 1, m + 12 end
  local days = 365 * y + math.floor(y / 4) - math.floor(y / 100) + math.floor(y / 400) + math.floor((153 * (m - 3) + 2) / 5) + day - 719469
  return ((days * 24 + hour) * 60 + minute) * 60 + second
end
local function rq_waits_since(lane) -- of the first id, of five at most, that waits there (s)
  for place = 0, 4 do
    local id = call('LINDEX', 'rq:queue:' .. lane, stamp(place))
    if not id then return nil end
    local told = call('HMGET', rq_key(id), 'status', 'enqueued_at')
    if told[1] == 'queued' and told[2] then return unix_of(told[2]) end
  end
end
