-- What follows when a node changes: lanes, leases, the graph, the job. Needs base, rq, fair, lanes.
--include callback
-- The fences: a job that is not alive has no unfinished task, and a parent that is not joining has no unfinished child.
-- `converge` brings nodes in line with their fence, a bounded number a call; whoever meets a node before that (a claim,
-- a record) treats it as already cancelled.

local SWEEP = 200
local budget = SWEEP -- of this call, whatever it has to converge
local converge

local function run_of(node)
  local field = node.field
  local f = call('HMGET', node.state, field, field .. ':r', field .. ':b', field .. ':v', field .. ':n', field .. ':g', field .. ':k')
  local state = (f[1] and f[1] ~= 'gone') and f[1] or 'cancelled' -- of a deleted job, nothing may go on
  return { state = state, run = f[2], began = tonumber(f[3] or 0), charged = tonumber(f[4] or f[3] or 0),
           shown = f[4] and true or false, attempts = tonumber(f[5] or 0), granted = tonumber(f[6]), worker = f[7] or '' }
end

local function set(node, state, ...) call('HSET', node.state, node.field, state, ...) end

-- pending | delayed | running | cancelled | failed -> ready
local function make_ready(node, line, job, now, front, chained)
  rq_queued(node, now)
  line_up(node, line.queue, job, now, front, chained)
end

-- new | running | failed -> delayed
local function delay(node, line, due)
  set(node, 'delayed')
  call('ZADD', k_delayed(), stamp(due), node.id)
  rq_scheduled(node, line.queue, due)
end

-- new -> ready | pending | delayed, when its job is not to begin yet
local function start(node, line, job, now, ready)
  rq_create(node, line, job.type, now, ready and 'queued' or 'deferred')
  if not ready then set(node, 'pending')
  elseif job.at > now then delay(node, line, job.at)
  else line_up(node, line.queue, job, now, false) end
end

-- pending -> ready; whether it is `chained`, if that is known
local function begin_pending(node, job, now, chained)
  local line = line_of(node)
  rq_leave(node, line.queue, 'pending')
  make_ready(node, line, job, now, false, chained)
end

local function end_run(node, line, job, r, now, seen) -- whatever its outcome: the lease, the charge, what RQ shows
  call('ZREM', k_leases(), node.id .. ':' .. r.run)
  seen = seen or now -- when it was last known to be at work
  local whole = r.whole or seen - r.began
  fair_release(line.queue, job.org, r.shown and seen - r.charged or whole, not r.back and whole or nil, now)
  if r.shown then
    rq_unshow_started(node, line.queue, r.run, r.worker)
    call('HDEL', node.state, node.field .. ':v')
  end
end

local function finish_job(job, status, now, cause)
  set_status(job, status)
  note(job, 'ended', stamp(now))
  if cause ~= job.cause then note(job, 'cause', cause) end
  job.cause = cause
  if job.callback then call_back(job, now) end
end

-- pending dependents -> ready, when this was the last they needed
local function advance(node, line, job, now, completed)
  local chains = line.dependents ~= '-' and ((completed and line.long) or call('HGET', node.state, node.field .. ':c') == '1')
  for name in names_in(line.dependents) do
    local f = call('HMGET', node.state, name, name .. ':w', name .. ':c')
    local unmet, chained = f[2] - 1, chains or f[3] == '1'
    if chained and not f[3] then call('HSET', node.state, name .. ':w', unmet, name .. ':c', '1')
    else call('HSET', node.state, name .. ':w', unmet) end
    if unmet == 0 and f[1] == 'pending' then
      if budget > 0 then
        budget = budget - 1
        begin_pending(locate(node.job .. '-' .. name), job, now, chained)
      else -- for converge to find
        call('HSET', k_job(job.id), 'late', '1')
        call('ZADD', k_sweeps(), stamp(now), job.id)
      end
    end
  end
  job.left = job.left - 1
  note(job, 'left', job.left)
  if job.left == 0 then finish_job(job, 'completed', now, '') end
end

local function child_progress(node, fraction) -- keeps the sum over siblings on the parent
  local before = tonumber(call('HGET', node.state, node.field .. ':p') or 0)
  call('HSET', node.state, node.field .. ':p', fraction)
  call('HINCRBYFLOAT', k_state(node.job), node.task .. ':cp', tonumber(fraction) - before)
end

-- How many seconds of work an engine takes for a second of audio: what the estimates go by, rolling.
local function learn(node, engine, job, us)
  local work = call('HGET', node.state, node.field .. ':ws') or us
  local before, now_us = call('HGET', k_speeds(), engine), work / job.size
  call('HSET', k_speeds(), engine, string.format('%.3f', before and before + 0.2 * (now_us - before) or now_us))
end

local complete

local function join(node, job, now) -- a child ended for good; the parent may be done
  local parent = parent_of(node)
  local f = call('HMGET', parent.state, parent.field, parent.field .. ':ct', parent.field .. ':cc', parent.field .. ':cf')
  if f[1] == 'joining' and tonumber(f[3] or 0) + tonumber(f[4] or 0) >= tonumber(f[2]) then
    local line = line_of(parent)
    rq_leave(parent, line.queue, 'joining')
    complete(parent, line, job, run_of(parent), now)
  end
end

-- running | joining -> completed; no output ('') is none, whatever an earlier attempt left; nil keeps what the parent put out when it split
complete = function(node, line, job, r, now, output)
  set(node, 'completed', node.field .. ':e', stamp(now))
  if r.attempts > 1 then -- what an earlier attempt failed with
    call('HDEL', node.state, node.field .. ':x') -- where a former version wrote it
    call('HDEL', outputs_of(node), node.field .. ':x', output == '' and node.field or '')
  end
  if output and output ~= '' then call('HSET', outputs_of(node), node.field, output) end
  local known = rq_finished(node, line.queue, r.began, now, r.worker)
  if node.n then
    call('HDEL', node.state, node.field .. ':r', node.field .. ':b', node.field .. ':k', node.field .. ':q') -- nobody can ask for a child's
    child_progress(node, '1')
    call('HINCRBY', k_state(node.job), node.task .. ':cc', 1)
    if job.size > 0 then call('HINCRBY', k_state(node.job), node.task .. ':ws', stamp(r.whole or now - r.began)) end
    join(node, job, now)
  else
    if job.size > 0 then learn(node, line.engine, job, r.whole or now - r.began) end
    advance(node, line, job, now, true)
  end
  if not known and alive(job) then -- one of RQ's tools has deleted it meanwhile: that is a cancel
    finish_job(job, 'cancelled', now, '@cancel')
    converge(job, now)
  end
  return 'completed'
end

-- running | joining -> skipped (optional) | failed, and what follows for the parent or the job
local function give_up(node, line, job, now, error, exc, worker)
  local state = (line.optional and not node.n) and 'skipped' or 'failed'
  set(node, state, node.field .. ':e', stamp(now))
  call('HSET', outputs_of(node), node.field .. ':x', error)
  rq_failed(node, line.queue, now, RETENTION_S, worker, exc)
  if node.n then
    local parent = parent_of(node)
    local failed = call('HINCRBY', parent.state, parent.field .. ':cf', 1)
    local f = call('HMGET', parent.state, parent.field .. ':ca', parent.field .. ':fl')
    call('HSET', parent.state, parent.field .. ':fl', (f[2] and f[2] .. ',' or '') .. node.n)
    if failed > tonumber(f[1] or 0) then
      local its = line_of(parent)
      rq_leave(parent, its.queue, 'joining')
      return give_up(parent, its, job, now, 'part ' .. node.n .. ' failed: ' .. error, exc, worker)
    end
    return join(node, job, now)
  end
  if state == 'skipped' then
    advance(node, line, job, now, false)
    if string.find(',' .. job.kids .. ',', ',' .. node.field .. ',', 1, true) then converge(job, now) end
  else
    finish_job(job, 'failed', now, node.field)
    converge(job, now)
  end
end

-- running -> ready | delayed while attempts are left, else as give_up. Returns the new state.
local function fail(node, line, job, r, now, error, exc, final, delay_s, front)
  if final or r.attempts >= (r.granted or line.attempts) then
    give_up(node, line, job, now, error, exc, r.worker)
  else
    call('HSET', outputs_of(node), node.field .. ':x', error)
    if delay_s > 0 then delay(node, line, now + delay_s * SECOND) else make_ready(node, line, job, now, front) end
  end
  return call('HGET', node.state, node.field)
end

-- any unfinished state -> cancelled
local function cancel_node(node, line, job, state, now, cause)
  if state == 'running' then end_run(node, line, job, run_of(node), now)
  elseif state == 'delayed' then call('ZREM', k_delayed(), node.id) end
  rq_leave(node, line.queue, state)
  set(node, 'cancelled', node.field .. ':e', stamp(now), node.field .. ':z', cause)
  rq_canceled(node, line.queue, now, RETENTION_S)
  touch(job)
end

-- cancelled | failed | skipped | completed -> ready | pending | joining, with a fresh allowance of attempts
local function revive(node, line, job, state, now)
  local f = call('HMGET', node.state, node.field .. ':n', node.field .. ':w', node.field .. ':ct')
  if rq_knows(node) then rq_leave(node, line.queue, state) else rq_create(node, line, job.type, now, 'queued') end
  call('HDEL', node.state, node.field .. ':e', node.field .. ':x', node.field .. ':z', node.field .. ':m')
  call('HDEL', outputs_of(node), node.field .. ':x')
  call('HSET', node.state, node.field .. ':g', tonumber(f[1] or 0) + line.attempts)
  if tonumber(f[3] or 0) > 0 then
    set(node, 'joining')
    rq_deferred(node, line.queue, now)
  elseif tonumber(f[2] or 0) <= 0 then
    make_ready(node, line, job, now, false)
  else
    set(node, 'pending')
    rq_deferred(node, line.queue, now)
  end
end

local function fenced(node, job) -- may not be worked on, whatever its state says
  return not alive(job) or (node.n and call('HGET', k_state(node.job), node.task) ~= 'joining')
end

local function states_of(key, fields) -- HMGET in blocks that unpack can take
  local states = {}
  for first = 1, #fields, 1000 do
    for _, state in ipairs(call('HMGET', key, unpack(fields, first, math.min(first + 999, #fields)))) do
      states[#states + 1] = state or 'new'
    end
  end
  return states
end

-- One node to the side of its fence on which it belongs.
local function bring(node, line, job, state, now, live, cause)
  if live and state == 'cancelled' then return revive(node, line, job, state, now) end
  if state == 'new' then
    start(node, line, job, now, live and tonumber(call('HGET', node.state, node.field .. ':w') or 0) <= 0)
    state = 'pending'
  end
  if not live then cancel_node(node, line, job, state, now, cause) end
end

-- Failed children of a parent that was retried; returns true when more are left.
local function revive_failed(parent, failed, job, now)
  local left, line = {}, nil
  for n in names_in(failed) do
    if budget > 0 then
      budget = budget - 1
      local child = child_of(parent, n)
      line = line or line_of(child)
      revive(child, line, job, 'failed', now)
    else left[#left + 1] = n end
  end
  if #left > 0 then call('HSET', parent.state, parent.field .. ':rv', table.concat(left, ','))
  else call('HDEL', parent.state, parent.field .. ':rv') end
  return #left > 0
end

-- The children of one task; returns true when more are left.
local function converge_children(job, task, now)
  local parent = locate(job.id .. '-' .. task)
  local f = call('HMGET', parent.state, task, task .. ':ct', task .. ':rv')
  local joining, total = alive(job) and f[1] == 'joining', tonumber(f[2] or 0)
  if joining and f[3] and revive_failed(parent, f[3], job, now) then return true end
  local numbers = numbers_below(total)
  local line
  for i, state in ipairs(states_of(k_child_state(job.id, task), numbers)) do
    local wanted = joining and (state == 'new' or state == 'cancelled')
    if wanted or (not joining and unfinished(state)) then
      if budget == 0 then return true end
      budget = budget - 1
      local child = child_of(parent, numbers[i])
      line = line or line_of(child)
      bring(child, line, job, state, now, joining, task)
    end
  end
  return false
end

-- Cancels what a dead job or parent left unfinished; starts or revives what a live one may run. At most SWEEP nodes a
-- call of the script; returns true, and remembers the job in `sweeps`, when more are left.
converge = function(job, now)
  local before, more, dead, names = budget, false, not alive(job), {}
  local late = not dead and call('HGET', k_job(job.id), 'late')
  for name in names_in(call('HGET', k_job(job.id), 'order')) do names[#names + 1] = name end
  for i, state in ipairs(states_of(k_state(job.id), names)) do
    if (dead and unfinished(state)) or (not dead and (state == 'new' or state == 'cancelled')) then
      if budget == 0 then more = true break end
      budget = budget - 1
      local node = locate(job.id .. '-' .. names[i])
      bring(node, line_of(node), job, state, now, not dead, job.cause)
    elseif late and state == 'pending' and tonumber(call('HGET', k_state(job.id), names[i] .. ':w') or 0) <= 0 then
      if budget == 0 then more = true break end
      budget = budget - 1
      begin_pending(locate(job.id .. '-' .. names[i]), job, now)
    end
  end
  if late and not more then call('HDEL', k_job(job.id), 'late') end
  for task in names_in(job.kids) do
    if more then break end
    more = converge_children(job, task, now)
  end
  if budget < before then touch(job) end
  if more then call('ZADD', k_sweeps(), stamp(now), job.id) else call('ZREM', k_sweeps(), job.id) end
  return more
end

local function cancel_job(job, now)
  if not alive(job) then return end
  finish_job(job, 'cancelled', now, '@cancel')
  touch(job)
  converge(job, now)
end
