-- Renew a worker's runs, charge their time, let RQ show them; reap and sweep for those who can't.
-- ARGV 1 now (µs, '' is Redis's)  2 worker  3 queues, with spaces  4… pairs: rq_job, run
-- Returns {'OK', runs reaped, then per run 'held' or the state of a task that it no longer holds}.
-- running -> running | cancelled     of lost workers: running -> ready | failed | skipped     and the arrows of sweep
--include base rq fair lanes settle held lose erase

local EXECUTION_S = math.ceil(LEASE_US / SECOND) + 60
local now, worker, queues = clock_now(ARGV[1]), ARGV[2], ARGV[3]
local reply = { 'OK', 0 }
call('ZREM', k_leases(), '') -- a script that may have freed something may write on in a full Redis: who lives must be able to say so
for i = 4, #ARGV, 2 do
  local node, run = locate(ARGV[i]), ARGV[i + 1]
  local r = run_of(node)
  local state = r.state
  if state == 'running' and r.run == run then
    local job = job_of(node.job)
    local line = line_of(node)
    if fenced(node, job) then
      cancel_node(node, line, job, 'running', now, job.cause)
      state = 'cancelled'
    else
      state = 'held'
      call('ZADD', k_leases(), stamp(now + LEASE_US), node.id .. ':' .. run)
      fair_charge(line.queue, job.org, now - r.charged)
      call('HSET', node.state, node.field .. ':v', stamp(now))
      if r.shown then rq_keep_started(node, run, worker, now, EXECUTION_S)
      else rq_show_started(node, line.queue, run, worker, r.began, now, EXECUTION_S) end
    end
  elseif state == 'running' then state = 'stale' end
  reply[#reply + 1] = state
end
reply[2] = reap(now)
call('EXPIRE', k_worker(worker), WORKER_S) -- a run may last longer than that
for queue in string.gmatch(queues, '%S+') do rq_keep(queue, now) end
sweep_oldest(now)
return reply
