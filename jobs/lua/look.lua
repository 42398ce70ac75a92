-- Read all of a job and where it stands in its queue, in one round trip. Writes nothing.
-- ARGV 1 job
-- Returns {'OK', job, tasks, state, outputs (each a list of fields and values), speeds, standing, running}; {'MISSING'}.
-- standing, when the job has not ended and a task of it is ready, else {}: task, queue, ahead (of the same organisation and
--   priority, before it), own (all of these), organisations waiting at its priority, mean length of a run (µs), what is paused
--   ('' | queue | organisation | type), ids in the lanes per priority (4)
-- running: queue and runs in it now, for each queue of an unfinished task. Draws no arrow.
--include base rq fair lanes settle

local job = job_of(ARGV[1])
if not job.status or job.status == 'deleted' then return { 'MISSING' } end

local function paused(queue)
  if call('EXISTS', k_pauses()) == 0 then return '' end
  if call('SISMEMBER', k_pauses(), 'queue:' .. queue) == 1 then return 'queue' end
  if call('SISMEMBER', k_pauses(), 'org:' .. job.org) == 1 then return 'organisation' end
  return call('SISMEMBER', k_pauses(), 'type:' .. job.type) == 1 and 'type' or ''
end

local function standing_of(node, queue)
  local chained = call('HGET', node.state, node.field .. ':c') == '1'
  local function length(of_chained) return rq_length(rq_lane(queue, job.priority, of_chained, job.org)) end
  local clock, before, mine = clock_of(queue), chained and 0 or length(true), length(chained)
  local tail = tonumber(call('HGET', k_fair(queue, job.org), tail_of(job.priority, chained)) or 0)
  local place = mine - tail + tonumber(call('HGET', node.state, node.field .. ':q') or tail) - 1
  return { node.task, queue, before + math.min(math.max(place, 0), math.max(mine - 1, 0)), before + mine + (chained and length(false) or 0),
           call('ZCARD', k_ready(queue, job.priority)), stamp(clock.m), paused(queue),
           stamp(clock.wh), stamp(clock.wn), stamp(clock.wl), stamp(clock.wb) }
end

local standing, running, seen = {}, {}, {}
if alive(job) then
  local names = {}
  for name in names_in(call('HGET', k_job(job.id), 'order')) do names[#names + 1] = name end
  for i, state in ipairs(states_of(k_state(job.id), names)) do
    if unfinished(state) then
      local node = locate(job.id .. '-' .. names[i])
      local queue = line_of(node).queue
      if not seen[queue] then
        seen[queue], running[#running + 1], running[#running + 2] = true, queue, stamp(clock_of(queue).n)
      end
      if state == 'ready' and not standing[1] then standing = standing_of(node, queue) end
    end
  end
end
return { 'OK', call('HGETALL', k_job(job.id)), call('HGETALL', k_tasks(job.id)), call('HGETALL', k_state(job.id)),
         call('HGETALL', k_outputs(job.id)), call('HGETALL', k_speeds()), standing, running }
