-- Note how far a run is; tells it when it no longer holds its task.
-- ARGV 1 rq_job  2 run  3 fraction (0..1)  4 message
-- Returns {'OK'} | {'STALE', state}. Draws no arrow.
--include base rq fair settle

local node, run, fraction, message = locate(ARGV[1]), ARGV[2], tonumber(ARGV[3]), ARGV[4]
local r = run_of(node)
if r.state ~= 'running' or r.run ~= run then return { 'STALE', r.state } end
if fenced(node, job_of(node.job)) then return { 'STALE', 'cancelled' } end
if node.n then
  child_progress(node, fraction)
  if message ~= '' then call('HSET', k_state(node.job), node.task .. ':m', message) end
else
  call('HSET', node.state, node.field .. ':p', fraction, node.field .. ':m', message)
end
touch(node.job)
return { 'OK' }
