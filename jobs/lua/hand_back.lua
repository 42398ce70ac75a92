-- Give a task up unharmed: to the front of its lane, no attempt spent.
-- ARGV 1 now (µs)  2 worker  3 rq_job ('' is what the worker claimed for that run)  4 run  5 delay (s; 0 is ready at once)
-- Returns {'OK', new state or '' when the run held nothing}, also when repeated; {'STALE', state}.
-- running -> ready | delayed     of a plain RQ job: running -> waiting
--include base rq fair lanes settle plain

local now, worker, id, run, delay_s = clock_now(ARGV[1]), ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])
local last, held, recorded, before = string.match(call('GET', k_worker(worker)) or '', '^(%S+) (%S+) (%S+) (%S+)$')
if recorded == run and string.sub(before, 1, 1) ~= '~' then return { 'OK', before } end
if id == '' then
  if last ~= run then return { 'OK', '' } end -- it died before it had claimed anything
  id = held
end
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
end_run(node, line, job, r, now)
call('HINCRBY', node.state, node.field .. ':n', -1)
if delay_s > 0 then delay(node, line, now + delay_s * SECOND) else make_ready(node, line, job, now, true) end
touch(job)
local state = call('HGET', node.state, node.field)
call('SET', k_worker(worker), '- - ' .. run .. ' ' .. state, 'EX', WORKER_S)
return { 'OK', state }
