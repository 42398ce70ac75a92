-- What stands in a queue, as a job of an organisation, a priority and a type sees it. Writes nothing. Included by whoever tells where
-- a job stands, or would. A line: queue, ids of the same organisation and priority in the chained and in the fresh lane, other
-- organisations waiting at the priority, runs now, workers, mean length of a run (µs), share of claims that take a fresh task
-- (millionths), claims ever, ids in the lanes per priority (4). Needs base, rq, fair.

local function line_for(job, queue)
  local clock, ready = clock_of(queue), k_ready(queue, job.priority)
  local chained = rq_length(rq_lane(queue, job.priority, true, job.org))
  local fresh = rq_length(rq_lane(queue, job.priority, false, job.org))
  local others = call('ZCARD', ready) - (call('ZSCORE', ready, job.org) and 1 or 0)
  return { queue, chained, fresh, others, stamp(clock.n), rq_workers(queue), stamp(clock.m), stamp(clock.s),
           stamp(clock.t), stamp(clock.wh), stamp(clock.wn), stamp(clock.wl), stamp(clock.wb) }
end

local function held_by(job, line) -- '' | queue | organisation | type, what is paused | limit | worker; nil as line: no task is ready
  if call('EXISTS', k_pauses()) == 1 then
    if line and call('SISMEMBER', k_pauses(), 'queue:' .. line[1]) == 1 then return 'queue' end
    if call('SISMEMBER', k_pauses(), 'org:' .. job.org) == 1 then return 'organisation' end
    if call('SISMEMBER', k_pauses(), 'type:' .. job.type) == 1 then return 'type' end
  end
  if line and line[6] == 0 then return 'worker' end
  return line and call('HGET', k_fair(line[1], job.org), 'k') == '1' and 'limit' or ''
end
