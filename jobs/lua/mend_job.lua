-- Bring what is counted and listed of a job in line with the states of its tasks, then its tasks with their fences.
-- ARGV 1 now (µs, '' is Redis's)  2 job
-- Returns {'OK', 1 when calls of sweep are needed}. Repeated it changes nothing.
-- pending -> ready     any unfinished state of an ended job -> cancelled     cancelled of a running one -> ready | pending     joining -> completed
--     a running job with nothing left -> completed
--include base rq fair lanes settle

local now, job = clock_now(ARGV[1]), job_of(ARGV[2])
if not job.status then return { 'OK', 0 } end
if job.status == 'deleted' then
  call('ZADD', k_sweeps(), stamp(now), job.id)
  return { 'OK', 1 }
end

local function done(state) return state == 'completed' or state == 'skipped' end

local function list()
  for _, key in ipairs({ k_jobs(), k_user_jobs(job.user), k_org_jobs(job.org) }) do call('ZADD', key, 'NX', job.created, job.id) end
  for _, status in ipairs({ 'pending', 'running', 'completed', 'failed', 'cancelled' }) do
    if status == job.status then call('ZADD', k_status(status), 'NX', job.created, job.id) else call('ZREM', k_status(status), job.id) end
  end
end

local function count_needs(name, state) -- of a task that has not begun, how many it waits for
  local unmet, node = 0, locate(job.id .. '-' .. name)
  for need in names_in(line_of(node).needs) do
    if not done(state[need]) then unmet = unmet + 1 end
  end
  if tonumber(call('HGET', node.state, name .. ':w') or 0) ~= unmet then call('HSET', node.state, name .. ':w', unmet) end
end

local function count_children(parent)
  local f = call('HMGET', parent.state, parent.field, parent.field .. ':ct', parent.field .. ':rv', parent.field .. ':cc', parent.field .. ':cf')
  local numbers, completed, failed, reviving = numbers_below(f[2]), 0, {}, {}
  for n in names_in(f[3] or '-') do reviving[n] = true end
  for i, state in ipairs(states_of(k_child_state(job.id, parent.field), numbers)) do
    if state == 'completed' then completed = completed + 1
    elseif state == 'failed' and not reviving[numbers[i]] then failed[#failed + 1] = numbers[i] end
  end
  if tonumber(f[4] or 0) ~= completed or tonumber(f[5] or 0) ~= #failed then
    call('HSET', parent.state, parent.field .. ':cc', completed, parent.field .. ':cf', #failed)
    if #failed > 0 then call('HSET', parent.state, parent.field .. ':fl', table.concat(failed, ',')) else call('HDEL', parent.state, parent.field .. ':fl') end
  end
  if f[1] == 'joining' and alive(job) and not f[3] and #numbers > 0 then join(child_of(parent, '0'), job, now) end
end

list()
local names, state, left = {}, {}, 0
for name in names_in(call('HGET', k_job(job.id), 'order')) do names[#names + 1] = name end
for i, one in ipairs(states_of(k_state(job.id), names)) do
  state[names[i]] = one
  if not done(one) then left = left + 1 end
end
if job.left ~= left then
  job.left = left
  note(job, 'left', left)
end
if left == 0 and alive(job) then finish_job(job, 'completed', now, '') end
for _, name in ipairs(names) do
  if unfinished(state[name]) then count_needs(name, state) end
end
for task in names_in(job.kids) do count_children(locate(job.id .. '-' .. task)) end
if alive(job) then call('HSET', k_job(job.id), 'late', '1') end
touch(job)
return { 'OK', converge(job, now) and 1 or 0 }
