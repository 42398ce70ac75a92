-- A run is lost: its lease ended or its worker died. One attempt is spent. Needs base, rq, fair, settle, plain.
-- running -> ready | failed | skipped

local REAPED = '20'

-- Charged until it was last `seen` at work: a lease that ran out served nobody, and one lease's worth of debt would have its
-- organisation wait until all others have had as much.
local function lose(node, r, now, seen, reason, exc)
  local job, line = job_of(node.job), line_of(node)
  if fenced(node, job) then return cancel_node(node, line, job, 'running', now, job.cause) end
  end_run(node, line, job, r, now, seen)
  touch(job)
  local last = r.attempts >= (r.granted or line.attempts)
  local error = last and string.format('%s (attempt %d of %d)', reason, r.attempts, r.granted or line.attempts) or reason
  fail(node, line, job, r, now, error, exc, false, 0, true)
end

-- Nobody looked for longer than a lease: Redis was away, or every worker was. Then an ended lease says nothing of its run,
-- and those that live get the length of a lease to say so. Not twice in a row: who looks that seldom must reap at last.
local function just_back(now)
  local last, until_us = string.match(call('GET', k_reaped()) or '', '^(%d+) (%d+)$')
  until_us = tonumber(until_us or 0)
  if last and now - last > LEASE_US and now - until_us > 10 * LEASE_US then until_us = now + LEASE_US end
  call('SET', k_reaped(), stamp(now) .. ' ' .. stamp(until_us))
  return now < until_us
end

-- Runs whose lease ended, at most REAPED a call. Returns how many.
local function reap(now)
  if just_back(now) then return 0 end
  local ended = call('ZRANGEBYSCORE', k_leases(), '-inf', stamp(now), 'LIMIT', '0', REAPED)
  for _, member in ipairs(ended) do
    local id, run = string.match(member, '^(.-):(.*)$')
    local plain = plain_named(id)
    if plain then
      if not plain_lose(plain, run, now, LOST, true) then call('ZREM', k_leases(), member) end
    else
      local node = locate(id)
      local r = run_of(node)
      if r.state == 'running' and r.run == run then lose(node, r, now, r.charged, LOST, LOST_EXC)
      else call('ZREM', k_leases(), member) end
    end
  end
  return #ended
end
