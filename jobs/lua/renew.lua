-- Renew a worker's runs, give back what its claim took besides, charge their time, let RQ show them; heed what its tools cancelled; reap and sweep for those who can't.
-- ARGV 1 now (µs, '' is Redis's)  2 worker  3 queues, with spaces  4… pairs: rq_job, run
-- Returns {'OK', runs reaped, then per run 'held' or the state of a task that it no longer holds}.
-- running -> running | cancelled     of lost workers: running -> ready | failed | skipped     and the arrows of sweep
--include base rq fair lanes settle redo plain inbox depths patrol held lose erase back

local now, worker, queues = clock_now(ARGV[1]), ARGV[2], ARGV[3]
local reply = { 'OK', 0 }
call('ZREM', k_leases(), '') -- a script that may have freed something may write on in a full Redis: who lives must be able to say so

local function renew(node, run)
  local r = run_of(node)
  if r.state ~= 'running' then return r.state end
  if r.run ~= run then return 'stale' end
  local job, line = job_of(node.job), line_of(node)
  local known = node.n and rq_knows_both(node, parent_of(node)) or not node.n and rq_knows(node)
  if not known then cancel_job(job, now) end -- one of RQ's tools has deleted it
  if fenced(node, job) then
    if run_of(node).state == 'running' then cancel_node(node, line, job, 'running', now, job.cause) end
    return 'cancelled'
  end
  call('ZADD', k_leases(), stamp(now + LEASE_US), node.id .. ':' .. run)
  fair_charge(line.queue, job.org, now - r.charged)
  call('HSET', node.state, node.field .. ':v', stamp(now))
  if r.shown then rq_keep_started(node, run, worker, now, EXECUTION_S)
  else rq_show_started(node, line.queue, run, worker, r.began, now, EXECUTION_S) end
  return 'held'
end

for queue in string.gmatch(queues, '%S+') do heed_cancels(queue, now) end
for i = 4, #ARGV, 2 do
  local plain, run = plain_named(ARGV[i]), ARGV[i + 1]
  reply[#reply + 1] = plain and plain_renew(plain, run, now) or renew(locate(ARGV[i]), run)
end
if ARGV[5] then -- a run that lasts keeps waiting what its claim took besides: others may have that
  local last, ids = string.match(call('GET', k_worker(worker)) or '', '^(%S+) (%S+)')
  if last == claim_of(ARGV[5]) and string.find(ids, ',', 1, true) then give_back_others(ids, last, ARGV[5], now) end
end
reply[2] = reap(now)
call('EXPIRE', k_worker(worker), WORKER_S) -- a run may last longer than that
for queue in string.gmatch(queues, '%S+') do rq_keep(queue, now) end
sweep_oldest(now)
patrol(now)
return reply
