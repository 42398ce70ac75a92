-- Runs given back unharmed. Needs base, rq, fair, lanes, settle.

-- running -> ready | delayed, unharmed: no attempt spent, to the front of its lane
local function give_back(node, line, job, r, now, delay_s)
  r.back = true -- how long it was held says nothing of its length
  end_run(node, line, job, r, now)
  call('HINCRBY', node.state, node.field .. ':n', -1)
  if delay_s > 0 then delay(node, line, now + delay_s * SECOND) else make_ready(node, line, job, now, true) end
  touch(job)
end

-- What a worker's claim took, but for the run `but`, which is at work or was: what is still held is given back, the last first, so that
-- the lane is as it was; `then_but` is done in its turn. Nobody worked at the others: they are charged nothing.
local function give_back_others(ids, claim, but, now, then_but)
  local all = {}
  for id in names_in(ids) do all[#all + 1] = id end
  for n = #all, 1, -1 do
    local run, node = run_at(claim, n), locate(all[n])
    local r = run ~= but and run_of(node)
    if run == but then
      if then_but then then_but(node) end
    elseif r.state == 'running' and r.run == run then
      local job, line = job_of(node.job), line_of(node)
      r.whole = 0
      if fenced(node, job) then cancel_node(node, line, job, 'running', now, job.cause)
      else give_back(node, line, job, r, now, 0) end
    end
  end
end
