-- Tasks of a paused job type: ready, and in a list of their own instead of their lanes. Needs base, rq, fair, lanes, settle.

local function hold(id, kind) call('RPUSH', k_held(kind), id) end

-- Puts them back at the front of their lanes, in their order, at most SWEEP a call; returns true, and remembers the type in
-- `sweeps`, when more are left. Not while the type is paused.
local function unhold(kind, now)
  local paused = call('SISMEMBER', k_pauses(), 'type:' .. kind) == 1
  while budget > 0 and not paused do
    local id = call('RPOP', k_held(kind)) -- the last first: each comes to stand before it
    if not id then break end
    budget = budget - 1
    local node = locate(id)
    if run_of(node).state == 'ready' then
      local job, line = job_of(node.job), line_of(node)
      if fenced(node, job) then cancel_node(node, line, job, 'ready', now, job.cause)
      else line_up(node, line.queue, job, now, true) end
    end
  end
  if not paused and call('EXISTS', k_held(kind)) == 1 then
    call('ZADD', k_sweeps(), stamp(now), 'type:' .. kind)
    return true
  end
  call('ZREM', k_sweeps(), 'type:' .. kind)
  return false
end
