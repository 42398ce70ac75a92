-- What RQ's tools want: they push ids to the list that RQ calls by the queue's name, and cancel and delete rq_jobs.
-- Needs base, rq, fair, lanes, settle, redo, plain.
-- failed | skipped | cancelled -> ready | pending     any unfinished state -> cancelled     (an RQ job) -> waiting

local ADOPTED = 20 -- ids a call at most, of an inbox or of what was cancelled
local LONGEST_ID = 200 -- a horse tells its supervisor in few bytes what it does

local function state_of(node) return call('HGET', node.state, node.field) end

-- RQ shows an id as what its tools have made of it: show what it is.
local function show_again(node, state, job, now)
  local line = line_of(node)
  rq_forget_tools(node, line.queue)
  if state == 'pending' or state == 'joining' then rq_deferred(node, line.queue, now)
  elseif state == 'ready' then rq_queued(node, now)
  elseif state == 'delayed' then rq_scheduled(node, line.queue, tonumber(call('ZSCORE', k_delayed(), node.id) or now))
  elseif state == 'running' then
    local r = run_of(node)
    if r.shown then rq_show_started(node, line.queue, r.run, r.worker, r.began, now, EXECUTION_S)
    else rq_queued(node, now) end -- as before it was shown
  else
    local ended = tonumber(call('HGET', node.state, node.field .. ':e') or now)
    if state == 'completed' then rq_finished(node, line.queue, run_of(node).began, now, run_of(node).worker)
    elseif state == 'cancelled' then rq_canceled(node, line.queue, ended, RETENTION_S)
    else rq_failed(node, line.queue, ended, RETENTION_S, '', '') end
  end
end

local function adopt_task(node, queue, now) -- one of ours: what has ended runs again, anything else is where it belongs
  local job = job_of(node.job)
  local state = standing(node, job)
  local name = node.n and node.task .. '.' .. node.n or node.task
  if state == 'failed' or state == 'skipped' or state == 'cancelled' then
    if not redo(job, name, now) then
      if state_of(node) == state then show_again(node, state, job, now) end -- its parent, or a later call, sees to it
      return
    end
  end
  show_again(node, state_of(node), job, now)
end

local function adopt_plain(id, queue, now)
  local p = plain_of(id)
  if p then call('HSET', k_plain(id), 'anew', '1')
  elseif rq_enqueued({ id = id }, now) then plain_push(id, queue, false, now) end
end

-- Take in what stands in the inbox of `queue`. Returns true when more is left.
local function adopt(queue, now)
  for _ = 1, ADOPTED do
    if budget <= 0 then return true end
    local id = rq_take_in(queue)
    if not id then return false end
    local node = locate(id)
    local state = node and state_of(node)
    if state and state ~= 'gone' then adopt_task(node, queue, now)
    elseif not state and rq_is_job(id) then
      if #id <= LONGEST_ID then adopt_plain(id, queue, now)
      else rq_failed({ id = id }, rq_origin(id) or queue, now, RETENTION_S, '', LONG_ID_EXC) end
    end
  end
  return true
end

-- What RQ's tools have cancelled stands in RQ's registry of that, scored with the time of it, and ours with when it expires.
local function heed_cancels(queue, now)
  for _, id in ipairs(rq_cancels(queue, now, ADOPTED)) do
    local node = locate(id)
    local state = node and state_of(node)
    if not state or state == 'gone' then rq_keep_canceled(queue, id)
    else
      local job = job_of(node.job)
      if unfinished(state) then cancel_job(job, now)
      elseif state == 'cancelled' then rq_drop_canceled(queue, id)
      else show_again(node, state, job, now) end
    end
  end
end

local function adopt_all(queues, now)
  local more = false
  for queue in string.gmatch(queues, '%S+') do more = adopt(queue, now) or more end
  return more
end
