-- Read tasks and children, each with all that is to be in line with its state: lease, delay, lane, RQ.
-- ARGV 1 now (µs, '' is Redis's)  2 '1' looks for ready ones that are not where they are told to be, which costs time by the
--      lane's length  3… rq_job
-- Returns {'OK', now (µs), then for each {rq_job} when there is none, or
--   {rq_job, state, run, shown in RQ ('1' or ''), attempts charged, granted, ended, queue, lane of a ready one, organisation, lease's end, due,
--    stands ('told' | 'held' | 'elsewhere' | 'nowhere'; '-' not looked, or not ready), RQ's status, RQ's origin,
--    '1' when RQ's tools have put it in the inbox, then each registry that has it in its queue}}.
-- Draws no arrow.
--include base rq fair lanes settle places

local now, deep, offs = clock_now(ARGV[1]), ARGV[2] == '1', {}

local function off(lane)
  offs[lane.name] = offs[lane.name] or lane_off(lane)
  return offs[lane.name] ~= 0
end

local function stands(node, lane, kind)
  if stands_as_told(node, lane) or off(lane) then return 'told' end -- if the lane is off, that is no fault of its tasks
  if not deep then return '-' end
  if call('EXISTS', k_held(kind)) == 1 and call('LPOS', k_held(kind), node.id) then return 'held' end
  return rq_place(lane.name, node.id) and 'elsewhere' or 'nowhere'
end

local function see(id)
  local node = locate(id)
  local state = node and call('HGET', node.state, node.field)
  if not state or state == 'gone' then return { id } end
  local job, line, r = job_of(node.job), line_of(node), run_of(node)
  local lane = state == 'ready' and lane_of(node, line.queue, job) or nil
  local status, origin, inbox, registries = rq_seen(node, line.queue, r.run)
  return { id, state, r.run or '', r.shown and '1' or '', r.attempts, r.granted or line.attempts, call('HGET', node.state, node.field .. ':e') or '',
           line.queue, lane and lane.name or '', job.org, call('ZSCORE', k_leases(), id .. ':' .. (r.run or '')) or '', call('ZSCORE', k_delayed(), id) or '',
           lane and stands(node, lane, job.type) or '-', status, origin, inbox and '1' or '', unpack(registries) }
end

local reply = { 'OK', stamp(now) }
for i = 3, #ARGV do reply[#reply + 1] = see(ARGV[i]) end
return reply
