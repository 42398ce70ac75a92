-- Look for rq_jobs that RQ's tools have deleted, also where no claim meets their tasks any more: `rq empty` of a lane takes the
-- ids with it. A few jobs a call, one after the other, for ever. Needs base, rq, fair, lanes, settle, redo, plain, inbox, depths.
-- any unfinished state -> cancelled

local PATROLLED = 10 -- jobs a call
local MOST_KEYS = 1000

local function known_of(job) -- the ids of its rq_jobs, as many as there should be
  local ids, names = {}, {}
  for name in names_in(call('HGET', k_job(job.id), 'order')) do names[#names + 1] = name end
  for i, state in ipairs(states_of(k_state(job.id), names)) do
    if state ~= 'new' and unfinished(state) then ids[#ids + 1] = job.id .. '-' .. names[i] end
    if state == 'joining' then
      local numbers = numbers_below(call('HGET', k_state(job.id), names[i] .. ':ct'))
      for n, of_child in ipairs(states_of(k_child_state(job.id, names[i]), numbers)) do
        if of_child ~= 'new' and unfinished(of_child) then ids[#ids + 1] = job.id .. '-' .. names[i] .. '-' .. numbers[n] end
      end
    end
  end
  return ids
end

-- Adds to `lost` the lanes, by queue and priority, of which these ids may have gone together with their rq_jobs.
local function note_lost(ids, priority, lost)
  local seen = {}
  for _, id in ipairs(ids) do
    local node = locate(id)
    local line = node.n and node.tasks or id -- children have one line together
    if not seen[line] and not rq_knows(node) then
      seen[line] = true
      local queue = line_of(node).queue
      if not lost[queue .. ' ' .. priority] then
        lost[queue .. ' ' .. priority] = true
        lost[#lost + 1] = { queue = queue, priority = priority }
      end
    end
  end
end

local function patrol(now)
  local status, at = string.match(call('GET', k_patrol()) or '', '^(%S+) (%d+)$')
  status, at = status or 'pending', tonumber(at or 0)
  local found, looked, lost = call('ZRANGE', k_status(status), stamp(at), stamp(at + PATROLLED - 1)), 0, {}
  for _, id in ipairs(found) do
    if looked >= MOST_KEYS then break end
    local job = job_of(id)
    local ids = known_of(job)
    looked, at = looked + #ids, at + 1
    if not rq_knows_all(ids) then
      note_lost(ids, job.priority, lost)
      cancel_job(job, now)
    end
  end
  for _, lane in ipairs(lost) do -- what the lanes hold is counted, and they may have lost it
    local clock, waiting = clock_of(lane.queue), 'w' .. LETTER[lane.priority]
    clock[waiting] = depth_of(lane.queue, lane.priority, {})
  end
  if #found == 0 then status, at = status == 'pending' and 'running' or 'pending', 0 end
  call('SET', k_patrol(), status .. ' ' .. stamp(at))
end
