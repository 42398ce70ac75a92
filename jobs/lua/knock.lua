-- Wake a worker of each queue in whose inbox RQ's tools have put something: they push there and ring no bell.
-- ARGV 1 queues, with spaces
-- Returns {'OK', bells rung}. Draws no arrow.
--include base rq fair lanes settle

local rung = 0
for queue in string.gmatch(ARGV[1], '%S+') do
  if rq_asked(queue) then
    ring(queue)
    rung = rung + 1
  end
end
return { 'OK', rung }
