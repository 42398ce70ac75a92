-- Append to what a child has put out, fenced by run and offset.
-- ARGV 1 rq_job of the child  2 run  3 offset (items that were there)  4… items (JSON)
-- Returns {'OK', items now there}, also when repeated; {'STALE', state}; {'OFFSET', items there} when the offset is another.
-- Draws no arrow.
--include base rq fair lanes settle

local node, run, offset = locate(ARGV[1]), ARGV[2], tonumber(ARGV[3])
local r = run_of(node)
if r.state ~= 'running' or r.run ~= run then return { 'STALE', r.state } end
if fenced(node, job_of(node.job)) then return { 'STALE', 'cancelled' } end
local key, items = k_child(node.job, node.task, node.n or '0'), { unpack(ARGV, 4) }
local length = call('LLEN', key)
if length == offset + #items and call('LINDEX', key, -1) == items[#items] then return { 'OK', length } end
if length ~= offset then return { 'OFFSET', length } end
length = call('RPUSH', key, unpack(items))
call('EXPIRE', key, RETENTION_S)
touch(job_of(node.job))
return { 'OK', length }
