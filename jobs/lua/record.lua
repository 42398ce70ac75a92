-- Commit the outcomes of the runs that one claim began, advance the graphs, and claim the next tasks in the same round trip.
-- ARGV 1 now (µs, '' is Redis's)  2 worker  3 next run ('' claims nothing)  4 queues, with spaces  5 tasks to claim at most, of brief ones
--      then for each run: rq_job, run, outcome: completed | spawn | failed | final | skipped | back, output (JSON or ''), error (text),
--      the error as RQ's results hold it, delay before the next attempt (s), how long it took (µs; only read when there are several);
--      of a spawn also: the children's line, children that may fail, children, a payload (JSON) per child
-- Returns {'OK', new states, with commas, then as take.lua}; ~ before the state of a task that its run no longer holds.
-- Repeated with the same runs it answers as the first time.
-- running -> completed | joining | delayed | ready | failed | skipped     pending -> ready     and the arrows of claim
--include base rq fair lanes settle redo plain inbox held lose erase back take
--rarely converge give_up fail spawn join child_progress cancel_node reap sweep_oldest again fair_unwait rq_unshow_started idle
--rarely park unpark hold chained_first learn give_back call_back touch_told
--rarely plain_begin rq_waits promote rq_suspended adopt_all cancel_job

local now, worker, next_run, queues, most = clock_now(ARGV[1]), ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])

-- running -> joining; the children's payloads are written at once, their lanes filled in calls of SWEEP
local function spawn(node, line, job, its)
  local total, payload = its.children, its.ends - its.children
  local tasks = { '*', ARGV[payload - 3] }
  for n = 0, total - 1 do
    tasks[#tasks + 1], tasks[#tasks + 2] = n .. ':p', ARGV[payload + n]
  end
  for first = 1, #tasks, 1000 do
    call('HSET', k_child_tasks(node.job, node.task), unpack(tasks, first, math.min(first + 999, #tasks)))
  end
  call('HSET', node.state, node.field .. ':ct', total, node.field .. ':ca', ARGV[payload - 2])
  job.kids = job.kids == '-' and node.task or job.kids .. ',' .. node.task
  call('HSET', k_job(job.id), 'kids', job.kids,
    'children:' .. node.task, total .. ' ' .. k_child(node.job, node.task, '*'))
  if its.output ~= '' then call('HSET', outputs_of(node), node.field, its.output) else call('HDEL', outputs_of(node), node.field) end
  set(node, 'joining')
  rq_deferred(node, line.queue, now)
  converge(job, now)
end

-- What the ARGV from `at` on say of a run; `ends` is where the next one begins.
local function said(at)
  local its = { id = ARGV[at], run = ARGV[at + 1], outcome = ARGV[at + 2], output = ARGV[at + 3], error = ARGV[at + 4], exc = ARGV[at + 5],
                delay_s = tonumber(ARGV[at + 6]), took = tonumber(ARGV[at + 7]), children = 0, ends = at + 8 }
  if its.outcome == 'spawn' then
    its.children = tonumber(ARGV[at + 10])
    its.ends = at + 11 + its.children
  end
  return its
end

-- Returns the task's new state; or nil and its state when the run does not hold it. Of `count` runs of one claim that `took` so long
-- in all each is charged what it took, and of the time that they were held besides an equal part.
local function settle(its, count, took)
  local node = locate(its.id)
  local r = run_of(node)
  if r.state ~= 'running' or r.run ~= its.run then return nil, r.state end
  local job, line = job_of(node.job), line_of(node)
  if fenced(node, job) then
    cancel_node(node, line, job, 'running', now, job.cause)
    return nil, 'cancelled'
  end
  if count > 1 then
    local held = now - r.began
    r.whole = math.max(math.min(math.floor(its.took + (held - took) / count), held), 0)
  end
  if its.outcome == 'back' then
    give_back(node, line, job, r, now, its.delay_s)
    return call('HGET', node.state, node.field)
  end
  end_run(node, line, job, r, now)
  touch(job)
  if its.outcome == 'completed' or (its.outcome == 'spawn' and its.children == 0) then -- into nothing: done
    return complete(node, line, job, r, now, its.output)
  elseif its.outcome == 'spawn' then spawn(node, line, job, its)
  elseif its.outcome == 'skipped' then give_up(node, line, job, now, its.error, its.exc, worker)
  else
    if its.output ~= '' then call('HSET', outputs_of(node), node.field, its.output) end -- what could be made although it failed
    return fail(node, line, job, r, now, its.error, its.exc, its.outcome == 'final', its.delay_s, false)
  end
  return call('HGET', node.state, node.field)
end

local runs, at, took = {}, 6, 0
while ARGV[at] do
  local its = said(at)
  runs[#runs + 1], at, took = its, its.ends, took + its.took
end

local first, reply = runs[1].run, nil
local states, other = settle(runs[1], #runs, took)
local repeated, ids = false, nil
if not states then
  local last_run, last_ids, recorded, answered =
    string.match(call('GET', k_worker(worker)) or '', '^(%S+) (%S+) (%S+) (%S+)$')
  repeated = recorded == first and select(2, string.gsub(answered, ',', '')) == #runs - 1 -- the same call
  states = repeated and answered or '~' .. other
  if repeated and next_run ~= '' and last_run == next_run then
    reply = again(last_ids, next_run)
    ids = reply and last_ids
  end
end
if not repeated then
  for n = 2, #runs do
    local state, its_state = settle(runs[n], #runs, took)
    states = states .. ',' .. (state or '~' .. its_state)
  end
end

if next_run ~= '' and not reply then reply = take(now, worker, next_run, queues, most) end
local claimed = reply and reply[1] ~= 'IDLE'
call('SET', k_worker(worker), (claimed and next_run .. ' ' .. (ids or ids_of(reply)) or '- -') .. ' ' .. first .. ' ' .. states, 'EX', WORKER_S)
if not reply then return { 'OK', states } end
return { 'OK', states, unpack(reply) }
