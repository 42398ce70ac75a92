-- Give a task up unharmed: to the front of its lane, no attempt spent.
-- ARGV 1 now (µs)  2 worker  3 rq_job ('' is all that the worker's claim of that run took)  4 run  5 delay (s; 0 is ready at once)
-- Returns {'OK', new state or '' when the run held nothing}, also when repeated; {'STALE', state}.
-- running -> ready | delayed     of a plain RQ job: running -> waiting
--include base rq fair lanes settle plain back

local now, worker, id, run, delay_s = clock_now(ARGV[1]), ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])
local last, held, recorded, before = string.match(call('GET', k_worker(worker)) or '', '^(%S+) (%S+) (%S+) (%S+)$')
if recorded == run and string.sub(before, 1, 1) ~= '~' then return { 'OK', before } end
local rest = '- -'
if id == '' then
  if last ~= claim_of(run) then return { 'OK', '' } end -- it died before it had claimed anything
  id = held
  if string.find(held, ',', 1, true) then
    give_back_others(held, last, nil, now)
    call('SET', k_worker(worker), '- - ' .. run .. ' ready', 'EX', WORKER_S)
    return { 'OK', 'ready' }
  end
elseif last == claim_of(run) and string.find(held, ',', 1, true) then rest = last .. ' ' .. held end
local plain = plain_named(id)
if plain then
  local p = plain_of(plain)
  if not p or p.run ~= run then return { 'STALE', 'ended' } end
  plain_end(p, now, 0, p.reason)
  call('SET', k_worker(worker), '- - ' .. run .. ' ready', 'EX', WORKER_S)
  return { 'OK', 'ready' }
end
local node = locate(id)
local r = run_of(node)
if r.state ~= 'running' or r.run ~= run then return { 'STALE', r.state } end
local job, line = job_of(node.job), line_of(node)
if fenced(node, job) then
  cancel_node(node, line, job, 'running', now, job.cause)
  return { 'STALE', 'cancelled' }
end
give_back(node, line, job, r, now, delay_s)
local state = call('HGET', node.state, node.field)
call('SET', k_worker(worker), rest .. ' ' .. run .. ' ' .. state, 'EX', WORKER_S)
return { 'OK', state }
