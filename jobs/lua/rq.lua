-- RQ's layout (rq 3.0): the only Lua that knows it. rq_jobs, lanes, registries, executions, results.
--
-- pending, joining: deferred    ready: queued    delayed: scheduled    running: started (once a renew shows it)
-- completed: finished           skipped, failed: failed                cancelled: canceled

local LANES_LISTED = 200    -- a poll of rq-dashboard costs 7 commands a queue
local FINISHED_TTL_S = '500' -- RQ's own default for results

local iso_memo = {}
local function iso(us) -- 2026-11-22T06:34:23.123456Z; days to civil date after Howard Hinnant's algorithm
  local text = iso_memo[us]
  if text then return text end
  local whole = math.floor(us / SECOND)
  local days, rest = math.floor(whole / 86400), whole % 86400
  local z = days + 719468
  local era = math.floor(z / 146097)
  local doe = z - era * 146097
  local yoe = math.floor((doe - math.floor(doe / 1460) + math.floor(doe / 36524) - math.floor(doe / 146096)) / 365)
  local doy = doe - (365 * yoe + math.floor(yoe / 4) - math.floor(yoe / 100))
  local mp = math.floor((5 * doy + 2) / 153)
  local day, month = doy - math.floor((153 * mp + 2) / 5) + 1, mp < 10 and mp + 3 or mp - 9
  local year = yoe + era * 400 + (month <= 2 and 1 or 0)
  text = string.format('%04d-%02d-%02dT%02d:%02d:%02d.%06dZ', year, month, day, math.floor(rest / 3600),
    math.floor(rest % 3600 / 60), rest % 60, us % SECOND)
  iso_memo[us] = text
  return text
end

-- Whole seconds, as RQ's scores are.
local function unix(us, more_s) return stamp(us / SECOND + (more_s or 0)) end

local function rq_key(id) return 'rq:job:' .. id end
local function rq_lane(queue, priority, chained, org)
  return queue .. '.' .. priority .. (chained and '.chained.' or '.fresh.') .. org
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
  call('HSET', rq_key(node.id), 'status', 'deferred')
  call('ZADD', 'rq:deferred:' .. queue, unix(now), node.id)
end

-- An rq_job expires before its task is forgotten.
local function rq_knows(node) return call('EXISTS', rq_key(node.id)) == 1 end

local function rq_queued(node, now) call('HSET', rq_key(node.id), 'status', 'queued', 'enqueued_at', iso(now)) end

local function rq_scheduled(node, queue, due)
  call('HSET', rq_key(node.id), 'status', 'scheduled')
  call('ZADD', 'rq:scheduled:' .. queue, unix(due), node.id)
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

local function rq_unshow_started(node, queue, run, worker)
  local member = node.id .. ':' .. run
  call('ZREM', 'rq:wip:' .. queue, member)
  call('DEL', 'rq:execution:' .. member, 'rq:executions:' .. node.id)
  call('SREM', 'rq:worker:' .. worker .. ':executions', member)
end

local function rq_finished(node, queue, began, now, worker)
  call('HSET', rq_key(node.id), 'status', 'finished', 'started_at', iso(began), 'ended_at', iso(now), 'worker_name', worker)
  call('EXPIRE', rq_key(node.id), FINISHED_TTL_S)
  call('ZADD', 'rq:finished:' .. queue, unix(now, FINISHED_TTL_S), node.id)
end

-- exc: the error as RQ's results hold it (base64 of zlib), made by the caller
local function rq_failed(node, queue, now, ttl_s, worker, exc)
  call('HSET', rq_key(node.id), 'status', 'failed', 'ended_at', iso(now))
  call('EXPIRE', rq_key(node.id), ttl_s)
  call('ZADD', 'rq:failed:' .. queue, unix(now, ttl_s), node.id)
  if exc ~= '' then
    call('XADD', 'rq:results:' .. node.id, 'MAXLEN', 1, '*', 'type', 2, 'worker_name', worker, 'exc_string', exc)
    call('EXPIRE', 'rq:results:' .. node.id, ttl_s)
  end
end

local function rq_canceled(node, queue, now, ttl_s)
  call('HSET', rq_key(node.id), 'status', 'canceled', 'ended_at', iso(now))
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

local function rq_keep(queue, now) -- listed for ever; and what RQ's cleaning would do, were a stock worker there
  call('SADD', 'rq:queues', 'rq:queue:' .. queue)
  for _, registry in ipairs({ 'rq:finished:', 'rq:failed:', 'rq:canceled:' }) do
    call('ZREMRANGEBYSCORE', registry .. queue, '0', unix(now))
  end
end

-- Lanes: RQ queues, listed in rq:queues while they hold something.
local function rq_push(lane, front, id)
  local length = call(front and 'LPUSH' or 'RPUSH', 'rq:queue:' .. lane, id)
  if length == 1 and call('SCARD', 'rq:queues') < LANES_LISTED then call('SADD', 'rq:queues', 'rq:queue:' .. lane) end
  return length
end

local function rq_length(lane) return call('LLEN', 'rq:queue:' .. lane) end
local function rq_pop(lane) return call('LPOP', 'rq:queue:' .. lane) end
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
