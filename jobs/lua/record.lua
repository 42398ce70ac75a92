-- Commit a run's outcome, advance the graph, and claim the next task in the same round trip.
-- ARGV 1 now (µs, '' is Redis's)  2 worker  3 rq_job  4 run  5 outcome: completed | spawn | failed | final | skipped  6 output (JSON or '')
--      7 error (text)  8 the error as RQ's results hold it  9 delay before the next attempt (s)
--      10 next run ('' claims nothing)  11 queues, with spaces
--      spawn only: 12 the children's line  13 children that may fail  14… a payload (JSON) per child
-- Returns {'OK', new state, then as take.lua}; {'STALE', state, then as take.lua} when the run no longer holds the task.
-- Repeated with the same runs it answers as the first time.
-- running -> completed | joining | delayed | ready | failed | skipped     pending -> ready     and the arrows of claim
--include base rq fair lanes settle redo plain inbox held lose erase take
--rarely converge give_up fail spawn join child_progress cancel_node reap sweep_oldest again fair_unwait rq_unshow_started idle
--rarely park unpark hold chained_first learn
--rarely plain_begin rq_waits promote rq_suspended adopt_all cancel_job

local now, worker, id, run, outcome, output = clock_now(ARGV[1]), ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local error, exc, delay_s, next_run, queues = ARGV[7], ARGV[8], tonumber(ARGV[9]), ARGV[10], ARGV[11]

-- running -> joining; the children's payloads are written at once, their lanes filled in calls of SWEEP
local function spawn(node, line, job)
  local total = #ARGV - 13
  local tasks = { '*', ARGV[12] }
  for n = 0, total - 1 do
    tasks[#tasks + 1], tasks[#tasks + 2] = n .. ':p', ARGV[14 + n]
  end
  for first = 1, #tasks, 1000 do
    call('HSET', k_child_tasks(node.job, node.task), unpack(tasks, first, math.min(first + 999, #tasks)))
  end
  call('HSET', node.state, node.field .. ':ct', total, node.field .. ':ca', ARGV[13])
  job.kids = job.kids == '-' and node.task or job.kids .. ',' .. node.task
  call('HSET', k_job(job.id), 'kids', job.kids,
    'children:' .. node.task, total .. ' ' .. k_child(node.job, node.task, '*'))
  if output ~= '' then call('HSET', outputs_of(node), node.field, output) else call('HDEL', outputs_of(node), node.field) end
  set(node, 'joining')
  rq_deferred(node, line.queue, now)
  converge(job, now)
end

local function settle(node)
  local r = run_of(node)
  if r.state ~= 'running' or r.run ~= run then return nil, r.state end
  local job, line = job_of(node.job), line_of(node)
  if fenced(node, job) then
    cancel_node(node, line, job, 'running', now, job.cause)
    return nil, 'cancelled'
  end
  end_run(node, line, job, r, now)
  touch(job)
  if outcome == 'completed' or (outcome == 'spawn' and #ARGV == 13) then -- into nothing: done
    return complete(node, line, job, r, now, output)
  elseif outcome == 'spawn' then spawn(node, line, job)
  elseif outcome == 'skipped' then give_up(node, line, job, now, error, exc, worker)
  else
    if output ~= '' then call('HSET', outputs_of(node), node.field, output) end -- what could be made although it failed
    return fail(node, line, job, r, now, error, exc, outcome == 'final', delay_s, false)
  end
  return call('HGET', node.state, node.field)
end

local reply
local state, other = settle(locate(id))
if not state then
  local last_run, last_id, recorded, answered =
    string.match(call('GET', k_worker(worker)) or '', '^(%S+) (%S+) (%S+) (%S+)$')
  if recorded == run then -- the same call repeated; ~ is how it was told that it came too late
    if string.sub(answered, 1, 1) == '~' then other = string.sub(answered, 2) else state = answered end
    if next_run ~= '' and last_run == next_run then reply = again(last_id, next_run) end
  end
end

if next_run ~= '' and not reply then reply = take(now, worker, next_run, queues) end
local claimed = reply and reply[1] ~= 'IDLE'
call('SET', k_worker(worker), (claimed and next_run .. ' ' .. reply[2] or '- -') .. ' ' .. run .. ' ' .. (state or '~' .. other),
  'EX', WORKER_S)
if not reply then return { state and 'OK' or 'STALE', state or other } end
return { state and 'OK' or 'STALE', state or other, unpack(reply) }
