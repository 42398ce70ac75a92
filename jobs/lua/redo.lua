-- Retry a job, a task or a child: what failed, and what was cancelled because of it, nothing else. Needs base, rq, fair, lanes, settle.
-- failed | cancelled -> ready | pending | joining     of a completed job: skipped, and completed that depend on it -> ready | pending

local NEEDS = 2000 -- of all that run again

local function reopen(job, now)
  if not alive(job) then
    set_status(job, 'running')
    job.cause = ''
    note(job, 'cause', '')
    call('HDEL', k_job(job.id), 'ended', 'at') -- who retries a job before its time wants it now
    job.at = 0
  end
end

-- The failed children of a failed parent are for converge to revive with the cancelled ones.
local function redo_failed(node, job, now)
  reopen(job, now)
  local f = call('HMGET', node.state, node.field .. ':fl', node.field .. ':rv')
  if f[1] then call('HSET', node.state, node.field .. ':rv', (f[2] and f[2] .. ',' or '') .. f[1]) end -- some an earlier retry left
  call('HDEL', node.state, node.field .. ':fl', node.field .. ':cf')
  revive(node, line_of(node), job, 'failed', now)
end

local function without(key, field, n) -- takes it out of a list; returns whether it was there
  local kept, found = {}, false
  for one in names_in(call('HGET', key, field) or '-') do
    if one == n then found = true else kept[#kept + 1] = one end
  end
  if #kept > 0 then call('HSET', key, field, table.concat(kept, ',')) else call('HDEL', key, field) end
  return found
end

local function redo_failed_child(node, job, now) -- its parent goes on joining: just this one
  local parent = parent_of(node)
  if not without(parent.state, parent.field .. ':rv', node.n) then -- else a retry of the parent has begun and not come to it yet
    without(parent.state, parent.field .. ':fl', node.n)
    call('HINCRBY', parent.state, parent.field .. ':cf', -1)
  end
  revive(node, line_of(node), job, 'failed', now)
end

local function standing(node, job) -- its state; what a sweep is still to cancel is cancelled
  local state = call('HGET', node.state, node.field)
  if not state and node.n and tonumber(node.n) < tonumber(call('HGET', k_state(job.id), node.task .. ':ct') or 0) then state = 'new' end
  return state and unfinished(state) and fenced(node, job) and 'cancelled' or state
end

-- A completed task will split anew, if it does: nothing of its children is left.
local function forget_children(node, job, total)
  local line
  for _, n in ipairs(numbers_below(total)) do
    local child = child_of(node, n)
    line = line or line_of(child)
    rq_leave(child, line.queue, call('HGET', child.state, n))
    rq_delete(child)
    call('DEL', k_child(job.id, node.task, n))
  end
  call('DEL', k_child_tasks(job.id, node.task), k_child_state(job.id, node.task), k_child_outputs(job.id, node.task))
  local f = node.field
  call('HDEL', node.state, f .. ':ct', f .. ':cc', f .. ':cf', f .. ':ca', f .. ':cp', f .. ':fl', f .. ':rv', f .. ':ws')
  call('HDEL', k_job(job.id), 'children:' .. node.task)
  local kids = {}
  for task in names_in(job.kids) do
    if task ~= node.task then kids[#kids + 1] = task end
  end
  job.kids = kids[1] and table.concat(kids, ',') or '-'
  if kids[1] then call('HSET', k_job(job.id), 'kids', job.kids) else call('HDEL', k_job(job.id), 'kids') end
end

-- Tasks of a completed job run again, and what depends on them: what needed one that was skipped ran without it, what needed one that
-- has changed ran with what it was. Returns the name of the task at which it was too many, children included.
local function run_again(names, job, now)
  local redone, order, lines, totals, needs, count, i, state = {}, {}, {}, {}, 0, 0, 1, k_state(job.id)
  for name in names_in(names) do
    if not redone[name] then redone[name], order[#order + 1] = true, name end
  end
  while order[i] do
    local line = line_of(locate(job.id .. '-' .. order[i]))
    lines[i], needs = line, needs + select(2, string.gsub(line.needs, ',', '')) + 1
    for name in names_in(line.dependents) do
      if not redone[name] then
        redone[name], order[#order + 1] = true, name
      end
    end
    totals[i] = tonumber(call('HGET', state, order[i] .. ':ct') or 0)
    -- What a sweep has not come to yet may still run.
    if totals[i] > 0 and converge_children(job, order[i], now) then return order[i] end
    count = count + 1 + totals[i]
    if count > budget or needs > NEEDS then return order[i] end
    i = i + 1
  end
  budget = budget - count
  reopen(job, now)
  job.left = job.left + #order
  note(job, 'left', job.left)
  for at, name in ipairs(order) do
    local unmet = 0
    for need in names_in(lines[at].needs) do
      if redone[need] then unmet = unmet + 1 end -- whatever else it needs is done: the job was completed
    end
    call('HSET', state, name .. ':w', unmet)
    local node = locate(job.id .. '-' .. name)
    if totals[at] > 0 then forget_children(node, job, totals[at]) end
    revive(node, lines[at], job, call('HGET', state, name), now)
  end
end

-- Of `job`, the task or child called `name` ('' is whatever ended the job). Returns nothing when that is done, and true when
-- more calls of sweep are needed; or a refusal: {'REFUSED', what, its state} or {'MISSING'}.
local function redo(job, name, now)
  if not job.status or job.status == 'deleted' then return { 'MISSING' } end
  if name == '' and job.status ~= 'cancelled' then
    if job.status ~= 'failed' then return { 'REFUSED', 'job ' .. job.id, job.status } end
    name = job.cause
  end
  if name == '' then
    reopen(job, now)
  else
    local node = locate(job.id .. '-' .. string.gsub(name, '%.', '-'))
    local state = node and standing(node, job)
    if not state then return { 'MISSING' } end
    if node.n and fenced(node, job) then -- the parent failed with it: retry that
      node = parent_of(node)
      state = standing(node, job)
    end
    if state == 'cancelled' and job.status == 'failed' and job.cause ~= node.field then -- because of another: retry that
      node = locate(job.id .. '-' .. job.cause)
      state = standing(node, job)
    end
    if state == 'cancelled' then reopen(job, now)
    elseif state == 'failed' and node.n then redo_failed_child(node, job, now)
    elseif state == 'failed' then redo_failed(node, job, now)
    elseif state == 'skipped' and job.status == 'completed' then
      local obstacle = run_again(node.field, job, now)
      if obstacle then
        return { 'REFUSED', 'task ' .. job.id .. '.' .. obstacle, 'the first of too many to run again with it' }
      end
    else return { 'REFUSED', 'task ' .. job.id .. '.' .. name, state } end
  end
  touch(job)
  return nil, converge(job, now)
end
