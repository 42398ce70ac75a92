-- Look for rq_jobs that RQ's tools have deleted, also where no claim meets their tasks any more: `rq empty` of a lane takes the
-- ids with it. A few jobs a call, one after the other, for ever. Needs base, rq, fair, lanes, settle, redo, plain, inbox.
-- any unfinished state -> cancelled

local PATROLLED = 10 -- jobs a call
local MOST_KEYS = 1000

local function known_of(job) -- the ids of its rq_jobs, as many as there should be
  local ids, names = {}, {}
  for name in names_in(call('HGET', k_job(job.id), 'order')) do names[#names + 1] = name end
  for i, state in ipairs(states_of(k_state(job.id), names)) do
    if state ~= 'new' and unfinished(state) then ids[#ids + 1] = job.id .. '-' .. names[i] end
    if state == 'joining' then
      local numbers = {}
      for n = 0, tonumber(call('HGET', k_state(job.id), names[i] .. ':ct')) - 1 do numbers[n + 1] = tostring(n) end
      for n, of_child in ipairs(states_of(k_child_state(job.id, names[i]), numbers)) do
        if of_child ~= 'new' and unfinished(of_child) then ids[#ids + 1] = job.id .. '-' .. names[i] .. '-' .. numbers[n] end
      end
    end
  end
  return ids
end

local function patrol(queues, now)
  local status, at = string.match(call('GET', k_patrol()) or '', '^(%S+) (%d+)$')
  status, at = status or 'pending', tonumber(at or 0)
  local found, looked = call('ZRANGE', k_status(status), stamp(at), stamp(at + PATROLLED - 1)), 0
  for _, id in ipairs(found) do
    if looked >= MOST_KEYS then break end
    local job = job_of(id)
    local ids = known_of(job)
    looked, at = looked + #ids, at + 1
    if not rq_knows_all(ids) then
      cancel_job(job, now)
      for queue in string.gmatch(queues, '%S+') do -- what the lanes hold is counted, and they may have lost it
        local clock, waiting = clock_of(queue), 'w' .. LETTER[job.priority]
        clock[waiting] = rq_lanes_hold(queue, job.priority) or clock[waiting]
        call('HSET', k_clock(queue), waiting, stamp(clock[waiting]))
      end
    end
  end
  if #found == 0 then status, at = status == 'pending' and 'running' or 'pending', 0 end
  call('SET', k_patrol(), status .. ' ' .. stamp(at))
end
