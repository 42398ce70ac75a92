-- Note once a minute how each queue stands and what ended in it in the minute before; whoever comes first does it for all.
-- ARGV 1 now (µs, '' is Redis's)  2 samples kept of a queue  3 for how long (s)
-- Returns {'OK', 1 when it was noted by this call, seconds until the next minute begins}. Draws no arrow.
-- What ended is counted by RQ's registries, whose members are scored by when they expire: no verb has to count.
--include base rq fair

local QUEUES = 40          -- sampled at most
local ORGANISATIONS = 200  -- of a queue, looked at for who waits longest
local now, kept, ttl_s = clock_now(ARGV[1]), tonumber(ARGV[2]), ARGV[3]
local second = math.floor(now / SECOND)
local minute = second - second % 60
local function answer(noted) return { 'OK', noted, minute + 60 - second } end
if call('GET', k_sampled()) == stamp(minute) then return answer(0) end
call('SET', k_sampled(), stamp(minute), 'EX', ttl_s)

local function queue_of(key) -- of a key of RQ's that is a queue of ours, or a lane of one
  local name = string.match(key, '^rq:queue:(.+)$') or ''
  name = string.match(name, '^(.+)%.%l+%.%l+%.[%l%d_]+$') or name
  local kind = string.match(name, '^[%l%d_]+%.(%l+)$') or name
  return (kind == 'short' or kind == 'long') and name
end

local function oldest_of(queue) -- since when somebody waits there (s)
  local orgs, seen, oldest = {}, {}, nil
  local function add(names)
    for _, org in ipairs(names) do
      if not seen[org] and #orgs < ORGANISATIONS then
        seen[org], orgs[#orgs + 1] = true, org
      end
    end
  end
  for _, priority in ipairs(ORDER) do add(call('ZRANGE', k_ready(queue, priority), '0', stamp(ORGANISATIONS - 1))) end
  add(call('SRANDMEMBER', k_orgs(), stamp(ORGANISATIONS))) -- who is at a limit waits in no order
  for _, org in ipairs(orgs) do
    for letter in string.gmatch(call('HGET', k_fair(queue, org), 'p') or '', '%l') do
      for _, chained in ipairs({ true, false }) do
        local since = rq_waits_since(rq_lane(queue, PRIORITIES[letter], chained, org))
        if since and since < (oldest or since + 1) then oldest = since end
      end
    end
  end
  return oldest
end

local names, known = {}, {}
for _, key in ipairs(rq_queues()) do
  local queue = queue_of(key)
  if queue and not known[queue] then
    known[queue], names[#names + 1] = true, queue
  end
end
table.sort(names)
for i = 1, math.min(#names, QUEUES) do
  local queue = names[i]
  local waiting, clock = 0, call('HMGET', k_clock(queue), 'wh', 'wn', 'wl', 'wb')
  for letter = 1, 4 do waiting = waiting + tonumber(clock[letter] or 0) end
  local since = waiting > 0 and oldest_of(queue)
  local completed = rq_ended('finished', queue, minute - 60, minute, tonumber(FINISHED_TTL_S))
  local failed = rq_ended('failed', queue, minute - 60, minute, tonumber(RETENTION_S))
  local sample = { stamp(minute), stamp(waiting), since and stamp(math.max(second - since, 0)) or '-', stamp(completed), stamp(failed) }
  call('LPUSH', k_samples(queue), table.concat(sample, ' '))
  call('LTRIM', k_samples(queue), '0', stamp(kept - 1))
  call('EXPIRE', k_samples(queue), ttl_s)
end
return answer(1)
