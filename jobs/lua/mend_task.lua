-- Bring lease, delay, lane and RQ in line with a task's state, which is believed.
-- ARGV 1 now (µs, '' is Redis's)  2 rq_job
-- Returns {'OK'}. Repeated it changes nothing. A run without a lease gets one that ends now: whoever reaps next takes it for lost.
-- Draws no arrow.
--include base rq fair lanes settle places

local now, node = clock_now(ARGV[1]), locate(ARGV[2])
local state = node and call('HGET', node.state, node.field)
if not state or state == 'gone' or state == 'new' then return { 'OK' } end
local job, line, r = job_of(node.job), line_of(node), run_of(node)
if not job.status or job.status == 'deleted' then return { 'OK' } end

local registries = { pending = 'deferred', joining = 'deferred', delayed = 'scheduled', running = r.shown and 'wip' or '', ready = '',
                     completed = 'finished', failed = 'failed', skipped = 'failed', cancelled = 'canceled' }
local known = rq_knows(node)
local status, origin, _, has = rq_seen(node, line.queue, r.run)
local asked = unfinished(state) and (not known or status == 'canceled') -- a tool of RQ's cancelled or deleted it: a claim heeds that
local right = asked or (known and registries[state] == (has[1] or '') and #has < 2)
if not asked then rq_out_of(node, line.queue, r.run, registries[state]) end
if known and origin ~= line.queue then rq_set_origin(node, line.queue) end

if state == 'ready' then
  if not asked and status ~= 'queued' then rq_queued(node, now) end
  local lane = lane_of(node, line.queue, job)
  local held = call('EXISTS', k_held(job.type)) == 1 and call('LPOS', k_held(job.type), node.id)
  if not held and not stands_as_told(node, lane) and lane_off(lane) == 0 then
    local place = rq_place(lane.name, node.id)
    if not place then line_up(node, line.queue, job, now, false)
    else call('HSET', node.state, node.field .. ':q', stamp(place + 1 - lane.length + lane.tail)) end
  end
elseif state == 'delayed' then
  local due = call('ZSCORE', k_delayed(), node.id)
  if not due then call('ZADD', k_delayed(), stamp(now), node.id) end
  if not right or (not asked and status ~= 'scheduled') then rq_scheduled(node, line.queue, tonumber(due or now)) end
elseif state == 'running' then
  call('ZADD', k_leases(), 'NX', stamp(now), node.id .. ':' .. r.run)
  if r.shown and (not right or (not asked and status ~= 'started')) then
    rq_show_started(node, line.queue, r.run, r.worker, r.began, now, EXECUTION_S)
  end
elseif state == 'pending' or state == 'joining' then
  if not right or (not asked and status ~= 'deferred') then rq_deferred(node, line.queue, now) end
elseif not known then return { 'OK' } -- of what has ended RQ may forget
elseif state == 'completed' then
  if not right or status ~= 'finished' then rq_finished(node, line.queue, r.began > 0 and r.began or now, now, r.worker) end -- a child's is forgotten
elseif state == 'cancelled' then
  if not right or status ~= 'canceled' then rq_canceled(node, line.queue, now, RETENTION_S) end
elseif not right or status ~= 'failed' then rq_failed(node, line.queue, now, RETENTION_S, r.worker, '') end
return { 'OK' }
