-- Append to what a child, or a piece that a task has divided its own work into, has put out; fenced by run and offset.
-- ARGV 1 rq_job  2 run  3 of a child: offset (items that were there)
--        of a task without children: '<offset> <piece> <pieces in all>'; the job remembers the keys of all of them from then on
--      4… items (JSON); none only announces the pieces
-- Returns {'OK', items now there}, also when repeated; {'STALE', state}; {'OFFSET', items there} when the offset is another.
-- Draws no arrow.
--include base rq fair lanes settle

local node, run = locate(ARGV[1]), ARGV[2]
local offset, piece, pieces = string.match(ARGV[3], '^(%d+) ?(%d*) ?(%d*)$')
local r = run_of(node)
if r.state ~= 'running' or r.run ~= run then return { 'STALE', r.state } end
if fenced(node, job_of(node.job)) then return { 'STALE', 'cancelled' } end
local n, items = node.n or (piece ~= '' and piece or '0'), { unpack(ARGV, 4) }
local key = k_child(node.job, node.task, n)
if pieces ~= '' and call('HSETNX', k_job(node.job), 'children:' .. node.task, pieces .. ' ' .. k_child(node.job, node.task, '*')) == 1 then
  touch(job_of(node.job))
end
local length = call('LLEN', key)
offset = tonumber(offset)
if #items == 0 or (length == offset + #items and call('LINDEX', key, -1) == items[#items]) then return { 'OK', length } end
if length ~= offset then return { 'OFFSET', length } end
length = call('RPUSH', key, unpack(items))
call('EXPIRE', key, RETENTION_S)
touch(job_of(node.job))
return { 'OK', length }
