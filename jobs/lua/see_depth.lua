-- Count the ids in the lanes of one priority of a queue, with what its clock says.
-- ARGV 1 queue  2 priority  3… organisations to look at, besides those that are known to wait
-- Returns {'OK', ids in the lanes, what the clock says}. Draws no arrow.
--include base rq fair depths

local told = call('HGET', k_clock(ARGV[1]), 'w' .. LETTER[ARGV[2]]) or '0'
return { 'OK', depth_of(ARGV[1], ARGV[2], { unpack(ARGV, 3) }), told }
