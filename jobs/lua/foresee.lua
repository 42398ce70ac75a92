-- Tell where a job would stand that nobody has submitted yet. Writes nothing.
-- ARGV 1 organisation  2 priority  3 type  4… its queues, that of its first task first
-- Returns {'OK', speeds, limit, held, lines}, each as look tells it. Draws no arrow.
--include base rq fair standing

local job, lines = { org = ARGV[1], priority = ARGV[2], type = ARGV[3] }, {}
for i, queue in ipairs({ unpack(ARGV, 4) }) do lines[i] = line_for(job, queue) end
return { 'OK', call('HGETALL', k_speeds()), call('HGET', k_org(job.org), 'max_running') or '0', held_by(job, lines[1]), lines }
