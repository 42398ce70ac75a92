-- Take the fairest ready task under a lease.
-- ARGV 1 now (µs, '' is Redis's)  2 worker  3 run (random, never used before; of more tasks <run>.2, <run>.3, …)
--      4 queues, in the worker's order, with spaces  5 tasks at most, of brief ones
-- Returns as take.lua: {'CLAIMED', …} | {'PLAIN', …} | {'IDLE', seconds}. Repeated with the same run it answers as the first time.
-- ready -> running     delayed -> ready     a cancelled job's ready -> cancelled     of lost workers: running -> ready | failed | skipped
--include base rq fair lanes settle redo plain inbox held lose erase take
--rarely converge cancel_node make_ready reap sweep_oldest fair_unwait idle again park unpark hold chained_first
--rarely plain_begin rq_waits promote rq_suspended adopt_all cancel_job touch_told

local now, worker, run, queues, most = clock_now(ARGV[1]), ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])

local last, ids = string.match(call('GET', k_worker(worker)) or '', '^(%S+) (%S+)')
local reply = last == run and again(ids, run)
if not reply then
  reply = take(now, worker, run, queues, most)
  if reply[1] ~= 'IDLE' then
    call('SET', k_worker(worker), run .. ' ' .. ids_of(reply) .. ' - -', 'EX', WORKER_S)
    for queue in string.gmatch(queues, '%S+') do -- it may have been woken for another queue than it was given work of
      if anybody_waits(queue) then ring(queue) end
    end
  end
end
return reply
