-- Note how far a run is; tells it when it no longer holds its task.
-- ARGV 1 rq_job  2 run  3 fraction (0..1)  4 message
-- Returns {'OK'} | {'STALE', state}. Draws no arrow.
--include base rq fair lanes settle

local node, run, fraction, message = locate(ARGV[1]), ARGV[2], ARGV[3], ARGV[4]
local r = run_of(node)
if r.state ~= 'running' or r.run ~= run then return { 'STALE', r.state } end
if fenced(node, job_of(node.job)) then return { 'STALE', 'cancelled' } end
local told = node.n and parent_of(node) or node -- a child speaks through its parent
local before = call('HMGET', node.state, node.field .. ':p')[1]
if before ~= fraction or call('HGET', told.state, told.field .. ':m') ~= message then
  if node.n then child_progress(node, fraction) else call('HSET', node.state, node.field .. ':p', fraction) end
  call('HSET', told.state, told.field .. ':m', message)
  touch(job_of(node.job))
end
return { 'OK' }
