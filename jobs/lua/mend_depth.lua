-- Count the ids in the lanes of one priority of a queue anew.
-- ARGV 1 queue  2 priority  3… organisations to look at, besides those that are known to wait
-- Returns {'OK'}. Repeated it changes nothing. Draws no arrow.
--include base rq fair depths

call('HSET', k_clock(ARGV[1]), 'w' .. LETTER[ARGV[2]], depth_of(ARGV[1], ARGV[2], { unpack(ARGV, 3) }))
return { 'OK' }
