-- Read all of a job and where it stands in its queues, in one round trip. Writes nothing.
-- ARGV 1 now (µs, '' is Redis's)  2 job
-- Returns {'OK', now, job, tasks, state, outputs (each a list of fields and values), speeds, limit, held, standing, lines};
-- {'MISSING'}. Draws no arrow. Of a job that has ended the last three are empty.
-- limit: how many tasks of its organisation may run at once, 0 for any number
-- held: '' | queue | organisation | type, what is paused | limit, so many run | worker, none serves the queue it is ready in
-- standing, when a task of it is ready, else {}: task, queue, ahead (of the same organisation and priority, before it)
-- lines, for each queue of an unfinished task: queue, ids of the same organisation and priority in the chained and in the fresh
--   lane, other organisations waiting at the priority, runs now, workers, mean length of a run (µs), share of claims that take
--   a fresh task (millionths), claims ever, ids in the lanes per priority (4)
--include base rq fair lanes settle

local now, job = clock_now(ARGV[1]), job_of(ARGV[2])
if not job.status or job.status == 'deleted' then return { 'MISSING' } end

local function line_up_of(queue)
  local clock, ready = clock_of(queue), k_ready(queue, job.priority)
  local function length(chained) return rq_length(rq_lane(queue, job.priority, chained, job.org)) end
  local others = call('ZCARD', ready) - (call('ZSCORE', ready, job.org) and 1 or 0)
  return { queue, length(true), length(false), others, stamp(clock.n), rq_workers(queue), stamp(clock.m), stamp(clock.s),
           stamp(clock.t), stamp(clock.wh), stamp(clock.wn), stamp(clock.wl), stamp(clock.wb) }
end

local function standing_of(node, line)
  local chained, queue = call('HGET', node.state, node.field .. ':c') == '1', line[1]
  local before, mine = chained and 0 or line[2], chained and line[2] or line[3]
  local tail = tonumber(call('HGET', k_fair(queue, job.org), tail_of(job.priority, chained)) or 0)
  local place = mine - tail + tonumber(call('HGET', node.state, node.field .. ':q') or tail) - 1
  return { node.task, queue, before + math.min(math.max(place, 0), math.max(mine - 1, 0)) }
end

local function held_by(line) -- nil: no task is ready
  if call('EXISTS', k_pauses()) == 1 then
    if line and call('SISMEMBER', k_pauses(), 'queue:' .. line[1]) == 1 then return 'queue' end
    if call('SISMEMBER', k_pauses(), 'org:' .. job.org) == 1 then return 'organisation' end
    if call('SISMEMBER', k_pauses(), 'type:' .. job.type) == 1 then return 'type' end
  end
  if line and line[6] == 0 then return 'worker' end
  return line and call('HGET', k_fair(line[1], job.org), 'k') == '1' and 'limit' or ''
end

local held, standing, lines, tasks, fields = '', {}, {}, call('HGETALL', k_tasks(job.id)), call('HGETALL', k_job(job.id))
if not job.params then fields[#fields + 1], fields[#fields + 2] = 'params', params_of(job) end
if alive(job) then
  local names, found, line_by = {}, {}, {}
  for name in names_in(call('HGET', k_job(job.id), 'order')) do names[#names + 1] = name end
  for at = 1, #tasks, 2 do line_by[tasks[at]] = tasks[at + 1] end
  for i, state in ipairs(states_of(k_state(job.id), names)) do
    if unfinished(state) then
      local queue = string.match(line_by[names[i]], '^%S+ (%S+)')
      if not found[queue] then
        found[queue] = line_up_of(queue)
        lines[#lines + 1] = found[queue]
      end
      if state == 'ready' and not standing[1] then standing = standing_of(locate(job.id .. '-' .. names[i]), found[queue]) end
    end
  end
  held = held_by(found[standing[2]])
end
return { 'OK', stamp(now), fields, tasks, call('HGETALL', k_state(job.id)),
         call('HGETALL', k_outputs(job.id)), call('HGETALL', k_speeds()), call('HGET', k_org(job.org), 'max_running') or '0',
         held, standing, lines }
