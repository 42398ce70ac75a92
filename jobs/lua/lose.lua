-- A run is lost: its lease ended or its worker died. One attempt is spent. Needs base, rq, fair, settle.
-- running -> ready | failed | skipped

local REAPED = '20'

local function lose(node, r, now, reason, exc)
  local job, line = job_of(node.job), line_of(node)
  if fenced(node, job) then return cancel_node(node, line, job, 'running', now, job.cause) end
  end_run(node, line, job, r, now)
  touch(job)
  local last = r.attempts >= (r.granted or line.attempts)
  local error = last and string.format('%s (attempt %d of %d)', reason, r.attempts, r.granted or line.attempts) or reason
  fail(node, line, job, r, now, error, exc, false, 0, true)
end

-- Runs whose lease ended, at most REAPED a call. Returns how many.
local function reap(now)
  local ended = call('ZRANGEBYSCORE', k_leases(), '-inf', stamp(now), 'LIMIT', '0', REAPED)
  for _, member in ipairs(ended) do
    local id, run = string.match(member, '^(.-):(.*)$')
    local node = locate(id)
    local r = run_of(node)
    if r.state == 'running' and r.run == run then lose(node, r, now, LOST, LOST_EXC)
    else call('ZREM', k_leases(), member) end
  end
  return #ended
end
