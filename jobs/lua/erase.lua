-- Remove a deleted job's nodes and, after the last, its keys. Needs base, rq, fair, lanes, settle, held.

local erase

local function unlist(job)
  if job.status == 'deleted' then return end
  call('ZREM', k_jobs(), job.id)
  call('ZREM', k_user_jobs(job.user), job.id)
  call('ZREM', k_org_jobs(job.org), job.id)
  call('ZREM', k_status(job.status), job.id)
  job.status = 'deleted'
  note(job, 'status', 'deleted')
end

-- The jobs that tell of a deleted one go with it; returns true when more are left.
local function erase_callbacks(job, now)
  for n = 1, tonumber(call('HGET', k_callback(job.id), 'n') or 0) do
    local its = job_of(callback_id(job, n))
    if its.status then
      unlist(its)
      if erase(its, now) then return true end
    end
  end
  return false
end

-- At most SWEEP nodes; returns true, and remembers the job in `sweeps`, when more are left.
erase = function(job, now)
  local function remove(node, line, state)
    if state == 'running' then end_run(node, line, job, run_of(node), now)
    elseif state == 'delayed' then call('ZREM', k_delayed(), node.id) end
    rq_leave(node, line.queue, state)
    rq_delete(node)
    call('HSET', node.state, node.field, 'gone')
    budget = budget - 1
  end

  for task in names_in(job.kids) do
    local parent = locate(job.id .. '-' .. task)
    local numbers = numbers_below(call('HGET', parent.state, task .. ':ct'))
    for i, state in ipairs(states_of(k_child_state(job.id, task), numbers)) do
      if state ~= 'gone' then
        if budget == 0 then break end
        local child = child_of(parent, numbers[i])
        remove(child, line_of(child), state)
        call('DEL', k_child(job.id, task, numbers[i]))
      end
    end
  end
  local names = {}
  for name in names_in(call('HGET', k_job(job.id), 'order')) do names[#names + 1] = name end
  for i, state in ipairs(states_of(k_state(job.id), names)) do
    if state ~= 'gone' and budget > 0 then
      local node = locate(job.id .. '-' .. names[i])
      remove(node, line_of(node), state)
    end
  end
  if budget == 0 or (job.callback == '-' and erase_callbacks(job, now)) then
    call('ZADD', k_sweeps(), stamp(now), job.id)
    return true
  end
  for task in names_in(job.kids) do
    call('DEL', k_child_tasks(job.id, task), k_child_state(job.id, task), k_child_outputs(job.id, task))
  end
  job.noted, job.touched = 0, false
  call('DEL', k_job(job.id), k_params(job.id), k_tasks(job.id), k_state(job.id), k_outputs(job.id))
  if job.callback == '-' then call('DEL', k_callback(job.id)) end
  call('ZREM', k_sweeps(), job.id)
  return false
end

local sweep

-- The job that has waited longest for it; returns whether there was one.
local function sweep_oldest(now)
  local id = call('ZRANGE', k_sweeps(), '0', '0')[1]
  if id then sweep(id, now) end
  return id ~= nil
end

sweep = function(id, now) -- a job, or `type:<job type>`
  if string.sub(id, 1, 5) == 'type:' then return unhold(string.sub(id, 6), now) end
  local job = job_of(id)
  if not job.status then
    call('ZREM', k_sweeps(), job.id)
    return false
  end
  if job.status == 'deleted' then return erase(job, now) end
  return converge(job, now)
end
