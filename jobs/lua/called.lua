-- How the ends of jobs are told: what look tells of one, of several.
-- ARGV jobs with an address to be told
-- Returns {'OK', then of each what callback_of returns}. Writes nothing. Draws no arrow.
--include base rq fair lanes settle

local reply = { 'OK' }
for i = 1, #ARGV do reply[i + 1] = callback_of(ARGV[i]) end
return reply
